"""Going on from a beginning, step by step."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError, refuse
from jaxlisten.nn.layer import Layer, out_spec
from jaxlisten.types import Array, Chunk, Params, State, Timing


def generate(
    model: Layer, params: Params, state: State, start: Any, steps: int, *, key: Array, temperature: float = 1.0
) -> jax.Array:
    """Continue a sequence: each next token is drawn from what the model says, and given to it.

    The token is drawn with the probabilities ``softmax(logits / temperature)``. The model runs by its own `step`
    inside one compiled `jax.lax.scan`, so a token costs the same however many came before it.

    Args:
        model: from tokens to the logits of the next one, step by step, such as `jaxlisten.models.melody`.
        params, state: of the model.
        start: the beginning, integers ``[n]``, one or more.
        steps: how many tokens follow.
        key: a key, or several, ``[m]``, for as many sequences; each depends on its own key alone.
        temperature: 1: as the model has learnt; below it the likely gets more so, and 0 takes the most probable token
            each time.

    Returns:
        int32 ``[n + steps]``, or with several keys ``[m, n + steps]``, with the beginning.

    Raises:
        InputError: the beginning is none, has a token that the model has no logit for, or a number is below 0.
        LayerError: the model doesn't give one answer a step, without delay.

    Reference:
        The largest of ``logits + temperature * g`` with Gumbel noise g has those probabilities (Gumbel 1954).

    Example:
        >>> import jaxlisten as jl
        >>> model = jl.models.melody()
        >>> params, state = model.init(jax.random.key(0), jnp.zeros(1, int))
        >>> jl.generate(model, params, state, [60], 31, key=jax.random.split(jax.random.key(1), 5)).shape
        (5, 32)
    """
    if model.timing() != Timing():
        refuse(
            model,
            "a model that answers each step at once",
            str(model.timing()),
            "is there a stride, a pool or a layer that sees the future?",
        )
    given = np.asarray(start)
    if given.ndim != 1 or not len(given) or given.dtype.kind not in "iu":
        raise InputError(
            f"generate: expected a beginning of integers [n], one or more, got {given.dtype} {list(given.shape)}"
        )
    if steps < 0 or not temperature >= 0:
        raise InputError(f"generate: expected steps and temperature of 0 or more, got {steps} and {temperature}")
    tokens = out_spec(model, params, state, jax.ShapeDtypeStruct((1,), jnp.int32)).shape[-1]
    if given.min() < 0 or given.max() >= tokens:
        raise InputError(
            f"generate: expected tokens from 0 to {tokens - 1}, as the model has logits, got {given.min()} to "
            f"{given.max()} in the beginning"
        )
    several = key.ndim > (0 if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else 1)
    heat = jnp.asarray(temperature, jnp.float32)
    return _continued(model, steps, several, params, state, jnp.asarray(given, jnp.int32), key, heat)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _continued(
    model: Layer, steps: int, several: bool, params: Params, state: State, start: Array, key: Array, temperature: Array
) -> jax.Array:
    n = len(start)

    def step(own: Array, carry: tuple[Any, Array], i: Array) -> tuple[tuple[Any, Array], Array]:
        memory, token = carry
        token = jnp.where(i < n, start[jnp.minimum(i, n - 1)], token)
        memory, out = model.step(params, state, memory, Chunk(token[None], jnp.ones(1, bool)))
        logits = out.values[0].astype(jnp.float32)
        noise = jax.random.gumbel(jax.random.fold_in(own, i), logits.shape)
        token = jnp.argmax(logits + temperature * noise).astype(jnp.int32)
        return (memory, token), token

    def one(own: Array) -> Array:
        chunk = Chunk(jax.ShapeDtypeStruct((1,), jnp.int32), jax.ShapeDtypeStruct((1,), bool))
        begin = model.start(params, state, chunk), start[0]
        _, said = jax.lax.scan(functools.partial(step, own), begin, jnp.arange(n + steps - 1))
        return jnp.concatenate([start, said[n - 1 :]])

    return jax.vmap(one)(key) if several else one(key)
