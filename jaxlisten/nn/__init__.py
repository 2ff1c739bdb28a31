"""Layers, combinators and the registry."""

from jaxlisten.nn.activation import GELU, Logistic, ReLU, SiLU, Tanh
from jaxlisten.nn.combine import Frozen, Identity, Parallel, Serial, lift, parallel, residual, serial
from jaxlisten.nn.dropout import Dropout
from jaxlisten.nn.front_end import LogMel
from jaxlisten.nn.layer import REGISTRY, Layer, Whole, from_config, layer, to_config
from jaxlisten.nn.linear import Conv1D, Dense
from jaxlisten.nn.normalize import BatchNorm, Normalize
from jaxlisten.nn.pool import GlobalPool, MaxPool, MeanPool, SlidingPool
from jaxlisten.nn.recurrent import LSTM
from jaxlisten.nn.stream import stream, streaming
from jaxlisten.nn.summary import summary
from jaxlisten.nn.time import Reach, Stepwise, Windowed

__all__ = [
    "GELU",
    "LSTM",
    "REGISTRY",
    "BatchNorm",
    "Conv1D",
    "Dense",
    "Dropout",
    "Frozen",
    "GlobalPool",
    "Identity",
    "Layer",
    "LogMel",
    "Logistic",
    "MaxPool",
    "MeanPool",
    "Normalize",
    "Parallel",
    "ReLU",
    "Reach",
    "Serial",
    "SiLU",
    "SlidingPool",
    "Stepwise",
    "Tanh",
    "Whole",
    "Windowed",
    "from_config",
    "layer",
    "lift",
    "parallel",
    "residual",
    "serial",
    "stream",
    "streaming",
    "summary",
    "to_config",
]
