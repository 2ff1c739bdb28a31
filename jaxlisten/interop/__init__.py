"""Models from and to flax NNX, with equal outputs."""

from jaxlisten.interop.from_flax import from_nnx
from jaxlisten.interop.to_flax import as_nnx

__all__ = ["as_nnx", "from_nnx"]
