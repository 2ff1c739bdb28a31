"""Train a listener, score it, store it, use it, ship it: the whole way in one page.

``python examples/train_and_ship.py [FOLDER]``: FOLDER has a sub-folder of recordings for each class. Without it, the
built-in synthetic sounds are used.
"""

import sys
import tempfile
from pathlib import Path

import jax
import optax

import jaxlisten as jl

data = jl.data.folder(sys.argv[1]) if len(sys.argv) > 1 else jl.data.synthetic(300)
train, val, test = jl.data.split(data, (0.8, 0.1, 0.1), by="group", seed=0)
model = jl.serial(
    jl.LogMel(sr=data.sr, n_fft=512, hop_length=data.sr // 100, n_mels=40),
    jl.models.cnn1d(classes=len(data.classes), channels=(32, 48)),
)
print(jl.summary(model, (data.sr,)))

with tempfile.TemporaryDirectory() as folder:
    run = Path(folder) / "first"
    fitted = jl.fit(model, train, val, optimizer=optax.adamw(3e-3), epochs=8, key=jax.random.key(0), run_dir=run)
    report = jl.evaluate(fitted, test)
    print(report)

    listener = jl.load(run)
    said = listener.predict(test.audio[0])
    print(f"{test.paths[0]} is {said.label} ({said.probability:.1%})")
    print(listener.export(Path(folder) / "listener.onnx", clips=test.audio[:8]))
