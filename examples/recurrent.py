"""Recurrent networks: a GRU that hears a sound as it unfolds, and an LSTM that reads it in both directions.

The GRU keeps all that it has heard in its state, so it has an answer after every frame: watch it make up its mind. The
bidirectional LSTM needs the end of the sound before it can begin, and says so when it is asked to stream.
"""

import jax
import numpy as np
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=15)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
n, longest = len(data.classes), int(data.lengths.max())
front = jl.LogMel(data.sr, n_fft=512, hop_length=data.sr // 50, n_mels=40)
models = {
    "gru": jl.serial(front, jl.models.gru(n, units=(64,), pool="last")),
    "bidirectional lstm": jl.serial(front, jl.models.lstm(n, units=(48,), bidirectional=True, pool="mean")),
}
for name, model in models.items():
    fitted = jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0))
    print(f"{name}: {jl.evaluate(fitted, test).headline}")
    try:
        online = jl.streaming(model, longest=longest)
    except jl.LayerError as error:
        print(f"  {error}")
        continue
    clip, truth = test.audio[0], int(test.targets[0])
    sound = jl.Padded(np.pad(clip, (0, longest - len(clip))), np.int32(len(clip)))
    answers = jax.jit(
        lambda sound, online=online, fitted=fitted: jl.stream(online, fitted.params, fitted.state, sound)
    )(sound)
    probabilities = np.asarray(jax.nn.softmax(answers.values))[np.asarray(answers.valid)]
    for i in range(0, len(probabilities), 5):
        p = probabilities[i, truth]
        print(f"  {i / 50:4.1f} s  {data.classes[truth]} {p:4.0%} {'#' * round(30 * p)}")
