"""The magnitude of a spectrum, also where it is a hundred million times smaller than its peak."""

from __future__ import annotations

import functools
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from jaxlisten.ops.safe import safe_power
from jaxlisten.types import Array


def exact_magnitude(frames: Array, window: np.ndarray) -> Array:
    """Compute ``|DFT(frames * window)|`` in float64, whatever JAX is configured to, and round the result.

    An FFT in float32 is wrong by about 1e-7 of the largest bin, which buries all that is softer. Nothing that adds up
    energies sees that; what asks for the *softest* bins does, as soon as a lossy codec has left whole bands empty.
    It costs about twice the time. Derivatives are taken in the dtype of `frames`, and where a device has no FFT in
    float64 (a TPU) so is the magnitude.

    Args:
        frames: ``[..., n_fft]``, float32 or float64.
        window: ``[n_fft]``, on the host.

    Returns:
        ``[..., 1 + n_fft // 2]``, in the dtype of `frames`.

    Reference:
        ``np.abs(np.fft.rfft(frames * window))`` of float64, each value within 1e-6 of itself.
    """
    return cast("Array", _exact_magnitude(tuple(np.asarray(window, np.float64).tolist()), frames))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _exact_magnitude(window: tuple[float, ...], frames: Array) -> Array:
    return _primitive.bind(frames, window=window)


@_exact_magnitude.defjvp
def _derivative(window: tuple[float, ...], primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    tangent = jax.jvp(functools.partial(_magnitude, window=window), primals, tangents)[1]
    return _exact_magnitude(window, *primals), tangent


def _magnitude(frames: Array, *, window: tuple[float, ...]) -> Array:
    spectrum = jnp.fft.rfft(frames * jnp.asarray(window, frames.dtype).reshape([1] * (frames.ndim - 1) + [-1]))
    return safe_power(jnp.square(spectrum.real) + jnp.square(spectrum.imag), 0.5)


def _magnitude_in_float64(frames: Array, *, window: tuple[float, ...]) -> Array:
    wide = jax.lax.convert_element_type(frames, jnp.float64)
    return jax.lax.convert_element_type(_magnitude(wide, window=window), frames.dtype)


def _lowered(context, frames, *, window):
    with jax.enable_x64(True), jax.disable_jit():  # inlined, because functions within know the outer types only
        return mlir.lower_fun(_magnitude_in_float64, multiple_results=False)(context, frames, window=window)


# JAX has no float64 unless all of a program is allowed it. To every transformation this is one step from float32 to
# float32, whatever it is inside.
_primitive = Primitive("exact_magnitude")
_primitive.def_impl(jax.jit(_primitive.bind, static_argnames="window"))
_primitive.def_abstract_eval(lambda frames, *, window: frames.update(shape=(*frames.shape[:-1], 1 + len(window) // 2)))
batching.primitive_batchers[_primitive] = lambda args, axes, *, window: (
    _primitive.bind(jnp.moveaxis(args[0], axes[0], 0), window=window),
    0,
)
mlir.register_lowering(_primitive, _lowered)
mlir.register_lowering(_primitive, mlir.lower_fun(_magnitude, multiple_results=False), platform="tpu")
