"""Augmentation: a model that was trained in quiet fails in noise, unless it has heard some.

An augmentation is a value, and a pure function ``(key, batch) -> batch`` that runs inside the compiled training step.
Two models differ in nothing else; both are tested on clean clips and on the same clips in noise.
"""

import dataclasses

import jax
import numpy as np
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=25)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
rng = np.random.default_rng(0)


def in_noise(clip: np.ndarray) -> np.ndarray:
    """Add white noise that is as loud as the clip."""
    return clip + np.sqrt(np.mean(clip**2)) * rng.standard_normal(len(clip), np.float32)


noisy = dataclasses.replace(test, audio=tuple(map(in_noise, test.audio)))
varied = jl.augment.Chain((jl.augment.Noise(snr_db=(-5.0, 20.0)), jl.augment.Gain(-6.0, 6.0)))
front = jl.LogMel(data.sr, n_fft=512, hop_length=data.sr // 100, n_mels=40)
model = jl.serial(front, jl.models.cnn1d(len(data.classes), channels=(24, 32)))
for name, augment in {"as recorded": None, "varied": varied}.items():
    fitted = jl.fit(model, train, val, epochs=epochs, augment=augment, key=jax.random.key(0))
    clean, hard = (jl.evaluate(fitted, clips).accuracy for clips in (test, noisy))
    print(f"trained on clips {name}: {clean:.1%} right on clean clips, {hard:.1%} in noise")
