"""What a trained listener makes of clips before it decides."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from jaxlisten.data import Dataset, batches, bucket_lengths
from jaxlisten.errors import InputError
from jaxlisten.nn import GlobalPool, Layer, trunk
from jaxlisten.runs import Fitted
from jaxlisten.types import Array, Padded, Params, State


def embed(
    fitted: Fitted | Any, data: Dataset, *, batch_size: int = 64, until: str | None = None
) -> NDArray[np.float32]:
    """Return what goes into the last dense layer of a listener: of each clip a row of learned features.

    Clips that the listener takes for alike lie near each other there, also those of classes that it has never heard.
    They are what other classifiers, clustering, a search for the nearest clips and maps begin with.

    Args:
        fitted: a trained listener, from `jaxlisten.fit` or `jaxlisten.load`.
        data: clips at the listener's sample rate, of any classes, labels or numbers.
        batch_size: clips at once; it changes the speed only.
        until: read behind this layer in place of before the last dense one; see `jaxlisten.trunk`. What still has
            steps of time is averaged over those of the clip, and what has more axes is laid out in one.

    Returns:
        ``[n, features]``, in the order of the clips. Nothing in a batch or behind the end of a clip changes a row.

    Raises:
        InputError: there are no clips, the sample rates differ, or the model has no such layer.

    Example:
        The ten clips that are most like the first one::

            rows = jl.embed(fitted, data)
            alike = jl.classical.nearest(rows, rows[:1], 10, metric="cosine").indices[0]
    """
    fitted = getattr(fitted, "fitted", fitted)
    if not len(data):
        raise InputError("embed: expected at least one clip, got none")
    if data.sr != fitted.sr:
        raise InputError(
            f"embed: expected clips at {fitted.sr} Hz, as the model was trained, got {data.sr} Hz; "
            f"read them with sr={fitted.sr}"
        )
    if batch_size < 1:
        raise InputError(f"embed: expected a batch_size above 0, got {batch_size}")
    layer, params, state = trunk(fitted.model, fitted.params, fitted.state, until)
    size = min(batch_size, len(data))
    # All are dispatched before any is read, so that the device never waits for the host.
    pending = [
        (indices, _embed(layer, params, state, batch.x))
        for indices, batch in batches(data, size, bucket_lengths(data.lengths))
    ]
    rows = np.empty((len(data), pending[0][1].shape[1]), np.float32)
    for indices, found in pending:
        rows[indices] = np.asarray(found, np.float32)[: len(indices)]
    return rows


@functools.partial(jax.jit, static_argnums=0)
def _embed(layer: Layer, params: Params, state: State, x: Padded) -> Array:
    """Embed ``x [batch, time]``: ``[batch, features]``."""

    def one(x: Padded) -> Array:
        y, _ = layer.apply(params, state, x)
        values = y.values if isinstance(y, Padded) else y
        if values.ndim > 1:
            steps = values.reshape(values.shape[0], -1)
            y, _ = GlobalPool("mean").apply({}, {}, Padded(steps, y.length) if isinstance(y, Padded) else steps)
            values = y.values if isinstance(y, Padded) else y
        return values.reshape(-1)

    return jax.vmap(one)(x)
