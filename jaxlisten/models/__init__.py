"""Trees of layers: functions that return a model.

A model takes features ``[*batch, time, channel]`` and gives logits ``[*batch, classes]``. Put a front end before it:
``jl.serial(jl.LogMel(sr=16_000), jl.models.cnn1d(classes=10))``.
"""

from jaxlisten.models.convolutional import cnn1d
from jaxlisten.models.recurrent import lstm

__all__ = ["cnn1d", "lstm"]
