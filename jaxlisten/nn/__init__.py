"""Layers, combinators and the registry."""

from jaxlisten.nn.activation import GELU, Logistic, ReLU, SiLU, Tanh
from jaxlisten.nn.attention import AttentionPool, MultiHeadSelfAttention
from jaxlisten.nn.augment import FilterAugment, FrequencyWarp, SpecAugment
from jaxlisten.nn.combine import Identity, Parallel, Serial, average, lift, parallel, residual, serial
from jaxlisten.nn.convolution import (
    Conv1D,
    Conv2D,
    ConvTranspose1D,
    ConvTranspose2D,
    DepthwiseConv1D,
    DepthwiseConv2D,
)
from jaxlisten.nn.dropout import Dropout
from jaxlisten.nn.embedding import Embedding
from jaxlisten.nn.filter_bank import FilterBank
from jaxlisten.nn.front_end import MFCC, LogMel, Mel, Raw
from jaxlisten.nn.generate import generate
from jaxlisten.nn.layer import REGISTRY, Layer, Whole, from_config, layer, to_config
from jaxlisten.nn.level import AutoGain
from jaxlisten.nn.linear import Dense, Rescaling
from jaxlisten.nn.normalize import BatchNorm, ClipNorm, LayerNorm, Normalize, SlidingNorm
from jaxlisten.nn.pcen import PCEN, PCENMel
from jaxlisten.nn.pool import FrequencyPool, GlobalPool, MaxPool, MaxPool2D, MeanPool, MeanPool2D, SlidingPool
from jaxlisten.nn.rebuild import Description, Novelty, Reconstruction, Stack
from jaxlisten.nn.recurrent import GRU, LSTM, Bidirectional
from jaxlisten.nn.shape import AddChannel, MergeFrequency
from jaxlisten.nn.steps import period, step_ratio
from jaxlisten.nn.stream import OnStreams, stream, streaming
from jaxlisten.nn.summary import summary
from jaxlisten.nn.time import Reach, Stepwise, Windowed
from jaxlisten.nn.trunk import Trunk, trunk
from jaxlisten.nn.wrap import BFloat16, Frozen, Remat, Wrapper
from jaxlisten.nn.writing import AttentionDecoder, EncoderDecoder

__all__ = [
    "GELU",
    "GRU",
    "LSTM",
    "MFCC",
    "PCEN",
    "REGISTRY",
    "AddChannel",
    "AttentionDecoder",
    "AttentionPool",
    "AutoGain",
    "BFloat16",
    "BatchNorm",
    "Bidirectional",
    "ClipNorm",
    "Conv1D",
    "Conv2D",
    "ConvTranspose1D",
    "ConvTranspose2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Description",
    "Dropout",
    "Embedding",
    "EncoderDecoder",
    "FilterAugment",
    "FilterBank",
    "FrequencyPool",
    "FrequencyWarp",
    "Frozen",
    "GlobalPool",
    "Identity",
    "Layer",
    "LayerNorm",
    "LogMel",
    "Logistic",
    "MaxPool",
    "MaxPool2D",
    "MeanPool",
    "MeanPool2D",
    "Mel",
    "MergeFrequency",
    "MultiHeadSelfAttention",
    "Normalize",
    "Novelty",
    "OnStreams",
    "PCENMel",
    "Parallel",
    "Raw",
    "ReLU",
    "Reach",
    "Reconstruction",
    "Remat",
    "Rescaling",
    "Serial",
    "SiLU",
    "SlidingNorm",
    "SlidingPool",
    "SpecAugment",
    "Stack",
    "Stepwise",
    "Tanh",
    "Trunk",
    "Whole",
    "Windowed",
    "Wrapper",
    "average",
    "from_config",
    "generate",
    "layer",
    "lift",
    "parallel",
    "period",
    "residual",
    "serial",
    "step_ratio",
    "stream",
    "streaming",
    "summary",
    "to_config",
    "trunk",
]
