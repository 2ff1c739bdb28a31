"""Keyword spotting in 25 thousand weights: the network and the front end of the MLPerf Tiny benchmark.

Ten cepstral coefficients of 40 ms every 20 ms go through depthwise separable convolutions. `jl.summary` counts weights
and multiply-adds, which decide whether a model fits a microcontroller. Made causal, it listens as the sound comes in.

    python examples/keyword_spotting.py --data speech_commands/
"""

import itertools

import jax
import numpy as np
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=10, sr=16_000)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
front = jl.MFCC(data.sr, n_mfcc=10, n_fft=1024, win_length=640, hop_length=320)
model = jl.serial(front, jl.models.ds_cnn(len(data.classes), causal=True))
print(jl.summary(model, (data.sr,)))

fitted = jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0))
print(jl.evaluate(fitted, test))

# With the same weights, an answer every 40 ms from chunks of the sound.
longest = int(data.lengths.max())
online = jl.streaming(model, longest=longest)
timing = online.timing()
assert timing is not None
clip = test.audio[0]
sound = jl.Padded(np.pad(clip, (0, longest - len(clip))), np.int32(len(clip)))
answers = jax.jit(lambda sound: jl.stream(online, fitted.params, fitted.state, sound))(sound)
logits = np.asarray(answers.values)[np.asarray(answers.valid)]
heard = [data.classes[k] for k, _ in itertools.groupby(logits.argmax(-1))]
print(f"in chunks of {1000 * timing.block / data.sr:.0f} ms, {test.paths[0]} was heard as {', then '.join(heard)}")
