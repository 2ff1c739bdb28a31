"""Training: the jitted step, `fit`, which loops over it, and `fit_many`, which trains many runs."""

from jaxlisten.train.ensemble import ensemble
from jaxlisten.train.fit import fit
from jaxlisten.train.layerwise import layerwise
from jaxlisten.train.many import fit_many
from jaxlisten.train.memory import keep_memory
from jaxlisten.train.recipe import default_augment, default_optimizer, default_task, default_units, optimizer_of
from jaxlisten.train.space import Configuration, Space, read_space
from jaxlisten.train.step import StepInfo, TrainState, init_train_state, make_train_step
from jaxlisten.train.streams import ForStreams, for_streams
from jaxlisten.train.tensorboard import TensorBoard
from jaxlisten.train.transfer import Start, transfer
from jaxlisten.train.tune import tune

__all__ = [
    "Configuration",
    "ForStreams",
    "Space",
    "Start",
    "StepInfo",
    "TensorBoard",
    "TrainState",
    "default_augment",
    "default_optimizer",
    "default_task",
    "default_units",
    "ensemble",
    "fit",
    "fit_many",
    "for_streams",
    "init_train_state",
    "keep_memory",
    "layerwise",
    "make_train_step",
    "optimizer_of",
    "read_space",
    "transfer",
    "tune",
]
