"""Convolutions over time: on a log-mel spectrogram, and on the samples themselves.

The same function makes both models. On features there are 100 steps a second and each step has a meaning; on samples
there are thousands, so the network strides faster, and has to learn from data what a spectrogram knows already.
"""

import jax
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=15)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
n = len(data.classes)
front = jl.LogMel(data.sr, n_fft=512, hop_length=data.sr // 100, n_mels=40)
models = {
    "log-mel": jl.serial(front, jl.models.cnn1d(n, channels=(32, 48))),
    "samples": jl.serial(jl.Raw(), jl.models.cnn1d(n, channels=(32, 48), kernel=17, stride=16)),
}
for name, model in models.items():
    size = jl.summary(model, (data.sr,))
    fitted = jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0))
    report = jl.evaluate(fitted, test)
    low, high = report.accuracy_interval
    print(
        f"{name}: {report.accuracy:.1%} right (95 % interval {low:.1%} to {high:.1%}) with {size.parameters:,} weights "
        f"and {size.multiply_adds / 1e6:.1f} million multiply-adds a second of sound"
    )
