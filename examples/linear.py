"""Linear models: logistic regression says what a sound is, linear regression how loud it is.

Both are `jl.models.linear`: one matrix on the mean and the maximum of each mel band. Only the targets differ; the loss,
the figures and the report follow from them.
"""

import dataclasses

import jax
import numpy as np
import optax
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=30)

# In bels, tens of decibels: numbers of about unit size are learnt best.
levels = np.array([np.log10(np.mean(clip**2) + 1e-10) for clip in data.audio], np.float32)
loudness = dataclasses.replace(data, targets=levels, classes=("level",))

# Not `jl.models.log_mel`: it makes recordings equally loud. A model hears what its front end lets through.
front = jl.LogMel(data.sr, n_fft=512, hop_length=data.sr // 100, n_mels=40)

for clips in (data, loudness):
    train, val, test = jl.data.split(clips, (0.7, 0.15, 0.15))
    model = jl.serial(front, jl.models.linear(len(clips.classes)))
    # There is one best matrix and no other valley to fall into, so the steps may be large.
    fitted = jl.fit(model, train, val, optimizer=optax.adam(2e-2), epochs=epochs, key=jax.random.key(0))
    print(jl.evaluate(fitted, test), end="\n\n")
