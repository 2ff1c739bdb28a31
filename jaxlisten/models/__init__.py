"""Trees of layers: functions that return a model.

A model takes features ``[*batch, time, channel]`` and gives logits ``[*batch, classes]``, or those whose name begins
with ``event_``, ``[*batch, steps, classes]``. Put a front end before it:
``jl.serial(jl.models.log_mel(sr=16_000), jl.models.cnn(classes=10))``.
"""

from collections.abc import Callable

from jaxlisten.models.convolutional import cnn, cnn1d, ds_cnn, resnet
from jaxlisten.models.dense import autoencoder, conv_autoencoder, linear, mlp, reconstruction
from jaxlisten.models.frames import event_crnn, event_linear
from jaxlisten.models.front_ends import filter_bank, log_mel, mfcc, pcen_mel, raw, voice
from jaxlisten.models.melody import melody
from jaxlisten.models.recurrent import crnn, gru, lstm
from jaxlisten.models.sequence import attention, ctc
from jaxlisten.nn import Layer, Serial

MODELS: dict[str, Callable[..., Serial]] = {
    "resnet": resnet,
    "cnn": cnn,
    "cnn1d": cnn1d,
    "ds_cnn": ds_cnn,
    "lstm": lstm,
    "gru": gru,
    "crnn": crnn,
    "mlp": mlp,
    "linear": linear,
}
"""The models that a command can name, each a function of the number of classes; the first one is the default."""

EVENT_MODELS: dict[str, Callable[..., Serial]] = {"crnn": event_crnn, "linear": event_linear}
"""The models that a command can name where events are learned."""
TRANSCRIBERS: dict[str, Callable[..., Layer]] = {"ctc": ctc, "attention": attention}
"""The models of transcripts that a command can name, functions of the number of symbols; the first is the default."""

FRONT_ENDS: dict[str, Callable[..., Layer]] = {
    "log_mel": log_mel,
    "voice": voice,
    "mfcc": mfcc,
    "pcen_mel": pcen_mel,
    "raw": raw,
    "filter_bank": filter_bank,
}
"""The front ends that a command can name, each a function of the sample rate; the first one is the default."""

__all__ = [
    "EVENT_MODELS",
    "FRONT_ENDS",
    "MODELS",
    "TRANSCRIBERS",
    "attention",
    "autoencoder",
    "cnn",
    "cnn1d",
    "conv_autoencoder",
    "crnn",
    "ctc",
    "ds_cnn",
    "event_crnn",
    "event_linear",
    "filter_bank",
    "gru",
    "linear",
    "log_mel",
    "lstm",
    "melody",
    "mfcc",
    "mlp",
    "pcen_mel",
    "raw",
    "reconstruction",
    "resnet",
    "voice",
]
