"""End to end: convolutions and a GRU from the samples to the answer, without a spectrogram.

The first layer is a bank of filters that nobody designed. After training, `numpy.fft` shows which frequencies it has
come to listen for: mostly those in which the sounds differ.
"""

import jax
import numpy as np
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=25)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
model = jl.serial(raw=jl.Raw(), network=jl.models.crnn(len(data.classes), channels=(32, 48), units=64))
print(jl.summary(model, (data.sr,)))
fitted = jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0))
print(jl.evaluate(fitted, test))

kernel = np.asarray(fitted.params["network"]["block0"]["conv1d"]["kernel"])[:, 0]  # [taps, filters]
response = np.abs(np.fft.rfft(kernel, 1024, axis=0))
peaks_hz = np.sort(response.argmax(axis=0) * data.sr / 1024)
print("the filters listen for", " ".join(f"{hz:.0f}" for hz in peaks_hz), "Hz")
