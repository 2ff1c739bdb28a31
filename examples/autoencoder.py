"""Autoencoders find what they have never heard: what is new to them is put together badly.

One class is kept out of training. A dense and a convolutional autoencoder learn to squeeze spectrograms of the others
through a narrow code, and the error of what comes out tells the unknown sounds from the known ones. The training loop
is plain JAX and optax: a layer is two pure functions, `init` and `apply`.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import sounds

import jaxlisten as jl

FRAMES, BANDS = 40, 40
data, epochs = sounds(__doc__, epochs=60)
front = jl.LogMel(data.sr, n_fft=512, hop_length=data.sr // 100, n_mels=BANDS)
hear = jax.jit(lambda sound: front.apply({}, {}, sound)[0])
pieces = np.stack([hear(np.resize(clip, FRAMES * data.sr // 100))[:FRAMES] for clip in data.audio])

rng = np.random.default_rng(0)
unknown = data.targets == data.targets.max()
tested = unknown | (rng.random(len(data)) < 0.2)  # known sounds as well, or there would be nothing to tell apart
x = (pieces - pieces[~tested].mean()) / pieces[~tested].std()
optimizer = optax.adam(3e-3)


def squared_error(model, params, state, x, train=False):
    """Return the mean over each piece, ``[batch]``, and the new state."""
    y, state = model.apply(params, state, x, train=train)
    return jnp.square(y - x).mean(axis=(1, 2)), state


@functools.partial(jax.jit, static_argnums=0)
def step(model, now, x):
    """Go one step down the gradient."""

    def loss_of(params):
        errors, new = squared_error(model, params, state, x, train=True)
        return errors.mean(), new

    params, state, opt_state = now
    gradients, state = jax.grad(loss_of, has_aux=True)(params)
    updates, opt_state = optimizer.update(gradients, opt_state)
    return optax.apply_updates(params, updates), state, opt_state


for model in (jl.models.autoencoder(BANDS), jl.models.conv_autoencoder(BANDS)):
    params, state = jax.jit(model.init)(jax.random.key(0), x[:1])
    now = params, state, optimizer.init(params)
    for _ in range(epochs):
        order = rng.permutation(np.flatnonzero(~tested))
        for batch in order[: len(order) // 32 * 32].reshape(-1, 32):
            now = step(model, now, x[batch])
    errors, _ = jax.jit(squared_error, static_argnums=0)(model, *now[:2], x[tested])
    area = jl.metrics.roc_auc(unknown[tested], np.asarray(errors))
    known = float(errors[~unknown[tested]].mean())
    print(f"{jl.summary(model, (FRAMES, BANDS)).parameters:,} weights, error of known sounds {known:.3f}", end=": ")
    print(f"{data.classes[data.targets.max()]}, never heard before, is told from them with an AUC of {area:.3f}")
