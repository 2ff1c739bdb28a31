"""Weightless kernels on arrays: the only room that knows about backends.

Every kernel has a plain reference; where a platform has a faster way, `jax.lax.platform_dependent` picks it when the
program is lowered.
Time is axis -2 (``[*batch, time, channel]``) unless a docstring says otherwise.
"""

from jaxlisten.ops.convolution import conv1d
from jaxlisten.ops.framing import frame
from jaxlisten.ops.pooling import max_pool, mean_pool
from jaxlisten.ops.recurrence import lstm
from jaxlisten.ops.statistics import masked_moments, standardize, widened

__all__ = ["conv1d", "frame", "lstm", "masked_moments", "max_pool", "mean_pool", "standardize", "widened"]
