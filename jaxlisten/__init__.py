"""Machine listening in JAX: from the waveform to a trained, measured, shipped listener.

See the README for a tour; `jaxlisten.types` names the axes.
"""

from jaxlisten import data, features, losses, metrics, models, ops, tasks
from jaxlisten.deploy import Exported, Listener, Prediction, export, load
from jaxlisten.errors import InputError, LayerError, ListenError, TrainingError
from jaxlisten.evaluate import Report, evaluate, make_eval_step
from jaxlisten.nn import *  # noqa: F403  the layers, and functions that build trees of them
from jaxlisten.nn import __all__ as _layers
from jaxlisten.runs import Fitted
from jaxlisten.train import TrainState, fit, init_train_state, make_train_step
from jaxlisten.types import Batch, Chunk, Padded, Timing
from jaxlisten.version import __version__

__all__ = [
    *_layers,
    "Batch",
    "Chunk",
    "Exported",
    "Fitted",
    "InputError",
    "LayerError",
    "ListenError",
    "Listener",
    "Padded",
    "Prediction",
    "Report",
    "Timing",
    "TrainState",
    "TrainingError",
    "__version__",
    "data",
    "evaluate",
    "export",
    "features",
    "fit",
    "init_train_state",
    "load",
    "losses",
    "make_eval_step",
    "make_train_step",
    "metrics",
    "models",
    "ops",
    "tasks",
]
