"""Weightless kernels on arrays: the only room that knows about backends.

Every kernel has a plain reference; where a platform has a faster way, `jax.lax.platform_dependent` picks it when the
program is lowered.
Time is axis -2 (``[*batch, time, channel]``) unless a docstring says otherwise.
"""

from jaxlisten.ops.attention import attend, attend_window, masked_softmax, rotate
from jaxlisten.ops.contours import frame_values
from jaxlisten.ops.convolution import conv1d, conv2d
from jaxlisten.ops.ctc import Decoded, ctc_beam, ctc_greedy, frames_needed
from jaxlisten.ops.decimation import decimate
from jaxlisten.ops.depthwise import depthwise_conv
from jaxlisten.ops.events import frame_targets
from jaxlisten.ops.framing import frame
from jaxlisten.ops.overlap import overlap_add
from jaxlisten.ops.parts import in_parts
from jaxlisten.ops.pooling import max_pool, max_pool2d, mean_pool, mean_pool2d
from jaxlisten.ops.recurrence import exponential_smoother, gru, linear_recurrence, lstm
from jaxlisten.ops.safe import largest, safe_power
from jaxlisten.ops.sliding import sliding_max, sliding_mean, sliding_moments
from jaxlisten.ops.spectrum import exact_magnitude
from jaxlisten.ops.statistics import masked_moments, standardize, widened
from jaxlisten.ops.synthesis import additive
from jaxlisten.ops.transposed import conv_transpose, transposed_reach

__all__ = [
    "Decoded",
    "additive",
    "attend",
    "attend_window",
    "conv1d",
    "conv2d",
    "conv_transpose",
    "ctc_beam",
    "ctc_greedy",
    "decimate",
    "depthwise_conv",
    "exact_magnitude",
    "exponential_smoother",
    "frame",
    "frame_targets",
    "frame_values",
    "frames_needed",
    "gru",
    "in_parts",
    "largest",
    "linear_recurrence",
    "lstm",
    "masked_moments",
    "masked_softmax",
    "max_pool",
    "max_pool2d",
    "mean_pool",
    "mean_pool2d",
    "overlap_add",
    "rotate",
    "safe_power",
    "sliding_max",
    "sliding_mean",
    "sliding_moments",
    "standardize",
    "transposed_reach",
    "widened",
]
