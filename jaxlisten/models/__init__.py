"""Trees of layers: functions that return a model.

A model takes features ``[*batch, time, channel]`` and gives logits ``[*batch, classes]``. Put a front end before it:
``jl.serial(jl.models.log_mel(sr=16_000), jl.models.cnn1d(classes=10))``.
"""

from jaxlisten.models.convolutional import cnn1d
from jaxlisten.models.front_ends import log_mel
from jaxlisten.models.recurrent import lstm

MODELS = {"cnn1d": cnn1d, "lstm": lstm}
"""The models that a command can name, each a function of the number of classes."""

FRONT_ENDS = {"log_mel": log_mel}
"""The front ends that a command can name, each a function of the sample rate."""

__all__ = ["FRONT_ENDS", "MODELS", "cnn1d", "log_mel", "lstm"]
