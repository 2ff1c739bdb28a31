"""Train a listener, score it, store it, use it, ship it: the whole way in one page."""

import tempfile
from pathlib import Path

import jax
import optax
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=8)
train, val, test = jl.data.split(data, (0.8, 0.1, 0.1), by="group", seed=0)
model = jl.serial(
    jl.LogMel(sr=data.sr, n_fft=512, hop_length=data.sr // 100, n_mels=40),
    jl.models.cnn1d(classes=len(data.classes), channels=(32, 48)),
)
print(jl.summary(model, (data.sr,)))

with tempfile.TemporaryDirectory() as folder:
    run = Path(folder) / "first"
    fitted = jl.fit(model, train, val, optimizer=optax.adamw(3e-3), epochs=epochs, key=jax.random.key(0), run_dir=run)
    report = jl.evaluate(fitted, test)
    print(report)

    listener = jl.load(run)
    said = listener.predict(test.audio[0])
    print(f"{test.paths[0]} is {said.label} ({said.probability:.1%})")
    print(listener.export(Path(folder) / "listener.onnx", clips=test.audio[:8]))
