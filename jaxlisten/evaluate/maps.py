"""Maps: clips as points in a plane, those that are alike near each other."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.errors import InputError

Method = Literal["pca", "tsne"]
"""How a map is drawn: along the two directions of most variance, or by t-SNE, which keeps neighbours together."""


def embedding_map(rows: ArrayLike, method: Method = "pca", *, seed: int = 0) -> NDArray[np.float32]:
    """Lay out embeddings in a plane.

    Each column is brought to mean 0 and deviation 1 first: numbers of different units count alike.

    Args:
        rows: ``[n, features]``, such as `jaxlisten.embed` gives them.
        method: "pca", principal components, which is quick and keeps large distances; or "tsne", which keeps
            neighbours together whatever becomes of large distances (scikit-learn's, jaxlisten[compare]).
        seed: decides t-SNE's beginning; equal seeds give equal maps.

    Returns:
        ``[n, 2]``. The sign of each axis is such that its largest value is above 0.

    Raises:
        InputError: there are no rows, some are not finite, the method is unknown, or scikit-learn is missing.

    Example:
        >>> embedding_map([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]).astype(float).round(2).tolist()
        [[-1.73, 0.0], [0.0, 0.0], [1.73, 0.0]]
    """
    x = np.asarray(rows, np.float64)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise InputError(f"embedding_map: expected finite rows [n, features], one or more, got {x.shape}")
    if method not in ("pca", "tsne"):
        raise InputError(f"embedding_map: expected method 'pca' or 'tsne', got {method!r}")
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 1e-12, spread, 1.0)
    if method == "tsne" and len(x) > 3:
        return _tsne(x, seed)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    places = np.zeros((len(x), 2))
    places[:, : min(2, len(s))] = (u * s)[:, :2]
    return (places * np.where(places.max(axis=0) >= -places.min(axis=0), 1, -1)).astype(np.float32) + np.float32(0)


def _tsne(x: NDArray[np.float64], seed: int) -> NDArray[np.float32]:
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise InputError(
            "embedding_map: t-SNE needs scikit-learn; pip install 'jaxlisten[compare]', or take method='pca'"
        ) from error
    perplexity = min(30.0, (len(x) - 1) / 3)
    return TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(x).astype(np.float32)
