"""The laws of padding, streaming and vmap for random trees of layers: what holds for the parts holds for the whole."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import jaxlisten as jl
from tests.test_laws import close, valid_part

CHANNELS = 3
LENGTHS = (19, 11, 1, 0)


def lookaheads(kernel: int) -> st.SearchStrategy[int | None]:
    return st.sampled_from([None, *range(kernel)])


@st.composite
def convolutions(draw: st.DrawFn, stride: int) -> jl.Layer:
    """A layer over a few steps, of any kind that has this stride."""
    kernel, dilation = draw(st.integers(1, 5)), draw(st.integers(1, 2))
    reach = draw(lookaheads(dilation * (kernel - 1) + 1))
    if draw(st.booleans()):
        return jl.DepthwiseConv1D(kernel, stride=stride, dilation=dilation, lookahead=reach)
    return jl.Conv1D(CHANNELS, kernel, stride=stride, dilation=dilation, lookahead=reach)


KEEPING = st.one_of(
    convolutions(1),
    st.sampled_from(
        [
            jl.Tanh(),
            jl.BatchNorm(),
            jl.LayerNorm(),
            jl.SlidingPool(4, "max"),
            jl.SlidingNorm(5, epsilon=0.1),
            jl.LSTM(CHANNELS),
            jl.GRU(CHANNELS),
            jl.Dropout(0.3),
            jl.Dense(CHANNELS),
        ]
    ),
)
"""Layers that keep the number of steps and of channels."""

CHANGING = st.one_of(
    st.integers(1, 3).flatmap(convolutions),
    st.builds(jl.MaxPool, st.integers(1, 4), stride=st.integers(1, 3)),
    st.builds(jl.MeanPool, st.integers(1, 4), stride=st.integers(1, 3)),
    st.builds(jl.ConvTranspose1D, st.just(CHANNELS), st.integers(1, 4), stride=st.integers(1, 2)),
)
"""Layers that may change the number of steps."""


@st.composite
def side_by_side(draw: st.DrawFn) -> jl.Layer:
    """Branches of one stride, which meet again."""
    stride = draw(st.integers(1, 3))
    branches = draw(st.lists(convolutions(stride), min_size=2, max_size=3))
    return jl.nn.average(*branches)


def grown(inner: st.SearchStrategy[jl.Layer]) -> st.SearchStrategy[jl.Layer]:
    return st.lists(inner, min_size=2, max_size=3).map(lambda layers: jl.serial(*layers))


RESIDUAL = st.lists(KEEPING, min_size=1, max_size=2).map(lambda layers: jl.residual(jl.serial(*layers)))
TREES = grown(st.one_of(KEEPING, CHANGING, side_by_side(), RESIDUAL, grown(CHANGING)))


def shaken(a: jax.Array) -> jax.Array:
    """Move weights away from their first values."""
    return a + 0.3 * jnp.abs(jnp.sin(jnp.arange(a.size, dtype=a.dtype))).reshape(a.shape)


def holds(tree: jl.Layer) -> None:
    """Hold a tree to the laws, all of them in one compiled program."""
    timing = tree.timing()
    assert timing is not None
    length = jnp.array(LENGTHS)
    valid = jnp.arange(max(LENGTHS)) < length[:, None]

    @jax.jit
    def run(x):
        params, state = tree.init(jax.random.key(0), x)
        params = jax.tree.map(shaken, params)
        junk = jnp.where(valid[..., None], x, jnp.nan)
        padded = tree.apply(params, state, jl.Padded(junk, length))[0]
        alone = [tree.apply(params, state, x[i : i + 1, :n])[0][0] for i, n in enumerate(LENGTHS) if n]
        items = jax.vmap(lambda item: tree.apply(params, state, item)[0])(jl.Padded(junk, length))
        streamed = jl.stream(tree, params, state, jl.Chunk(junk, valid), chunk=timing.block)
        return padded, alone, items, streamed

    padded, alone, items, streamed = run(jax.random.normal(jax.random.key(1), (len(LENGTHS), max(LENGTHS), CHANNELS)))
    assert padded.length.tolist() == [tree.out_length(n) for n in LENGTHS]
    wanted = valid_part(padded)
    close(wanted[: len(alone)], [np.asarray(y) for y in alone], 5e-5)
    assert wanted[-1].size == 0
    close(valid_part(items), wanted, 5e-5)
    close(valid_part(streamed), wanted, 5e-5)


@given(TREES)
@settings(max_examples=5, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
def test_random_trees_keep_the_laws(tree):
    holds(tree)


@pytest.mark.slow
@given(TREES)
@settings(max_examples=300, deadline=None)
def test_many_random_trees_keep_the_laws(tree):
    holds(tree)
