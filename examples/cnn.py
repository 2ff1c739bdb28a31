"""A 2-D convolutional network on spectrograms as images, and which part of an image its answer hangs on.

The front end is a part of the model, and every part has a name: `model.front` makes the image, and `jax.grad` of
`model.network` says how the answer would change with each pixel of it.
"""

import jax
import jax.numpy as jnp
import numpy as np
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=12)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
model = jl.serial(
    front=jl.LogMel(data.sr, n_fft=512, hop_length=data.sr // 50, n_mels=32),
    network=jl.models.cnn(len(data.classes), channels=(8, 16)),
)
fitted = jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0))
print(jl.evaluate(fitted, test), end="\n\n")


def image(clip: np.ndarray) -> jax.Array:
    """Make the spectrogram ``[frames, bands]`` of a clip. Nothing in it is trained, so it has no params."""
    return model.front.apply({}, {}, clip)[0]


@jax.jit
def slope(levels: jax.Array, target: int) -> jax.Array:
    """Return the gradient of one class's logit, ``[frames, bands]``."""

    def logit(levels):
        return model.network.apply(fitted.params["network"], fitted.state["network"], levels)[0][target]

    return jax.grad(logit)(levels)


second = np.zeros(data.sr, np.float32)
for target, name in enumerate(data.classes):
    clip = next(clip for clip, y in zip(data.audio, data.targets, strict=True) if y == target)
    second[:] = np.resize(clip, data.sr)  # one length, one compilation
    hangs_on = jnp.abs(slope(image(second), target))
    frame, band = np.unravel_index(hangs_on.argmax(), hangs_on.shape)
    print(f"{name}: most of all on band {band} of {hangs_on.shape[1]}, {frame / 50:.2f} s into the clip")
