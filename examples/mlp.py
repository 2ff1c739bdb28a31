"""A multi-layer perceptron on each frame, pooled over the clip: a bag of frames.

It hears what is in a sound, but not in which order: played backwards, most sounds are the same to it, and a chirp
that rises is hard to tell from one that falls. The models of cnn1d.py and recurrent.py hear the difference.
"""

import dataclasses

import jax
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=20)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
model = jl.serial(jl.models.mfcc(data.sr), jl.models.mlp(len(data.classes), units=(64, 64)))
fitted = jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0))

report = jl.evaluate(fitted, test)
print(report)
for mistake in report.mistakes[:3]:
    print(f"{mistake.path} was heard as {mistake.predicted} ({mistake.probability:.0%})")

backwards = dataclasses.replace(test, audio=tuple(clip[::-1] for clip in test.audio))
same = jl.evaluate(fitted, backwards).predictions == report.predictions
print(f"played backwards, {same.mean():.0%} of the clips get the same answer")
