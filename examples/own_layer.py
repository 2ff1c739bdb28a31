"""A layer of your own: settings, `init`, `forward`. Masks, streaming, storing and the summary come with it."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxlisten as jl


@jl.layer
class Gated(jl.Stepwise):
    """Each step is let through as far as a trained gate opens: ``y = x sigmoid(x W + b)``."""

    opening: float = 1.0

    def init(self, key, x):
        """Make W of small random numbers, and b so that the gate begins open."""
        channels = x.shape[-1] if not isinstance(x, jl.Padded) else x.values.shape[-1]
        kernel = 0.1 * jax.random.normal(key, (channels, channels))
        return {"kernel": kernel, "bias": jnp.full(channels, self.opening)}, {}

    def forward(self, params, state, x, valid, *, key, train):
        """Compute every step of ``x [*batch, time, channel]``."""
        gate = jax.nn.sigmoid(x @ params["kernel"].astype(x.dtype) + params["bias"].astype(x.dtype))
        return x * gate, state


model = jl.serial(jl.models.log_mel(8000), jl.Normalize(), Gated(), jl.Conv1D(8, 5), jl.GlobalPool("mean"), jl.Dense(2))
print(jl.summary(model, (8000,)))

# It is stored by name and built again without running any code ...
assert jl.from_config(jl.to_config(model)) == model

# ... padding does not change its answer ...
sound = np.random.default_rng(0).normal(size=(1, 8000)).astype(np.float32)
params, state = model.init(jax.random.key(0), sound)
alone, _ = model.apply(params, state, sound)
padded = jl.Padded(np.pad(sound, ((0, 0), (0, 4000)), constant_values=np.nan), np.array([8000]))
np.testing.assert_allclose(model.apply(params, state, padded)[0], alone, rtol=1e-5, atol=1e-5)

# ... and it streams: the last answer of the stream is the answer for the whole clip.
out = jl.stream(jl.streaming(model, longest=8000), params, state, padded, chunk=800)
np.testing.assert_allclose(out.values[out.valid][-1], alone[0], rtol=1e-4, atol=1e-4)
print("alone, padded and streamed agree")
