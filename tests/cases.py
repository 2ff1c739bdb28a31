"""The table: every layer and model that the laws in test_laws.py hold for. A new layer is a new line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jaxlisten as jl


@dataclass(frozen=True)
class Case:
    """A layer, an input that fits it, and what is special about it.

    Attributes:
        layer: what is tested.
        item: shape of one item, ``(time, freq, channel)``, ``(time, channel)`` or ``(time,)``.
        tokens: how many there are, where the input is not sound or features but whole numbers; 0: it is not.
        refuses: settings that this layer's class must refuse.
        exempt: laws that do not hold, by name, with the reason. This is the named list of exceptions.
    """

    layer: Any
    item: tuple[int, ...] = (23, 4)
    refuses: tuple[dict[str, Any], ...] = ()
    exempt: dict[str, str] = field(default_factory=dict)
    tokens: int = 0


FRONT = jl.LogMel(sr=8000, n_fft=128, hop_length=40, n_mels=12)
IMAGE = (13, 5, 3)
"""An item ``(time, freq, channel)``."""
CNN1D = jl.serial(FRONT, jl.models.cnn1d(3, channels=(6, 8), kernel=3))
CAUSAL = jl.serial(FRONT, jl.models.cnn1d(3, channels=(6,), kernel=3, causal=True))
LSTM = jl.serial(FRONT, jl.models.lstm(3, units=(5,)))
WHOLE = {"streaming": "needs the whole signal; jl.streaming gives its streaming form, which has a line of its own"}
WHOLE_CLIP = {"streaming": "every output depends on the whole clip"}
COMPOSED = {"streaming": "three layers that are not yet brought into step with one another"}
LOOP = {"export": "writes symbol by symbol, each from those before it: a loop that has no ONNX form"}
FUNCTION = {"storing": "a function can't be stored", "export": "a function has no ONNX form"}

LAYERS: dict[str, Case] = {
    # front ends
    "LogMel": Case(FRONT, (410,), ({"sr": 0}, {"sr": 8000, "win_length": 999}, {"sr": 8000, "fmax": 5000.0})),
    "LogMel/win_length": Case(jl.LogMel(8000, n_fft=64, hop_length=50, n_mels=8, win_length=51, fmin=90.0), (333,)),
    "LogMel/hop over n_fft": Case(
        jl.LogMel(8000, n_fft=100, hop_length=101, n_mels=5), (512,), ({"sr": 8, "n_fft": 9},)
    ),
    "Mel": Case(jl.Mel(8000, n_fft=64, hop_length=50, n_mels=8, power=1.0), (333,), ({"sr": 8000, "power": 0.0},)),
    "MFCC": Case(
        jl.MFCC(8000, n_mfcc=6, n_fft=128, hop_length=40, n_mels=12, lifter=4.0),
        (410,),
        ({"sr": 8000, "n_mfcc": 65}, {"sr": 8000, "lifter": -1.0}, {"sr": 8000, "amin": 0.0}),
    ),
    "Raw": Case(jl.Raw(), (41,)),
    "FilterBank": Case(
        jl.FilterBank(8000, n_filters=3, hop_length=40, win_length=57, stride=8),
        (351,),
        ({"sr": 8000, "stride": 7}, {"sr": 8000, "fmin": 5000.0}, {"sr": 8000, "n_filters": 0}),
    ),
    # linear
    "Dense": Case(jl.Dense(5), refuses=({"units": 0}, {"units": 2.5})),
    "Dense/no bias": Case(jl.Dense(5, bias=False)),
    "Rescaling": Case(
        jl.Rescaling(scale=(2.0, 0.5, -1.0, 30.0), offset=(0.0, 1.0, -200.0, 0.3)),
        refuses=(
            {"scale": (), "offset": ()},
            {"scale": (0.0,), "offset": (1.0,)},
            {"scale": (1.0,), "offset": (1.0, 2.0)},
            {"scale": (1.0,), "offset": (float("nan"),)},
        ),
    ),
    "Conv1D": Case(
        jl.Conv1D(5, 3), refuses=({"channels": 3, "kernel": 0}, {"channels": 3, "kernel": 3, "lookahead": 3})
    ),
    "Conv1D/even": Case(jl.Conv1D(5, 4)),
    "Conv1D/stride": Case(jl.Conv1D(5, 5, stride=2)),
    "Conv1D/stride over kernel": Case(jl.Conv1D(5, 2, stride=3)),
    "Conv1D/dilation": Case(jl.Conv1D(5, 3, dilation=3, bias=False)),
    "Conv1D/stride and dilation": Case(jl.Conv1D(5, 4, stride=3, dilation=2)),
    "Conv1D/causal": Case(jl.Conv1D(5, 4, stride=2, lookahead=0)),
    "Conv1D/lookahead": Case(jl.Conv1D(5, 9, stride=2, lookahead=7)),
    "Conv1D/long kernel": Case(jl.Conv1D(2, 70), (90, 2)),
    "DepthwiseConv1D": Case(
        jl.DepthwiseConv1D(4, stride=2, dilation=2, lookahead=1), refuses=({"kernel": 0}, {"kernel": 3, "lookahead": 3})
    ),
    "ConvTranspose1D": Case(
        jl.ConvTranspose1D(5, 4), refuses=({"channels": 3, "kernel": 0}, {"channels": 3, "kernel": 4, "lookahead": 4})
    ),
    "ConvTranspose1D/causal": Case(jl.ConvTranspose1D(5, 7, stride=3, lookahead=0, bias=False)),
    # over time and frequency
    "Conv2D": Case(
        jl.Conv2D(5, (2, 3)),
        IMAGE,
        ({"channels": 3, "kernel": 3}, {"channels": 3, "kernel": (3, 0)}, {"channels": 3, "kernel": (3, 3, 3)}),
    ),
    "Conv2D/many channels": Case(
        jl.Conv2D(3, (3, 3), stride=(2, 3), dilation=(1, 2), lookahead=0, bias=False),
        (13, 4, 9),
        ({"channels": 3, "kernel": (3, 9), "lookahead": 3}, {"channels": 3, "kernel": (3, 3), "stride": 2}),
    ),
    "DepthwiseConv2D": Case(jl.DepthwiseConv2D((3, 2), stride=(2, 2), dilation=(1, 2)), IMAGE, ({"kernel": 3},)),
    "ConvTranspose2D": Case(
        jl.ConvTranspose2D(2, (4, 2), stride=(2, 3)),
        (7, 3, 2),
        ({"channels": 3, "kernel": 4}, {"channels": 3, "kernel": (2.0, 2)}),
    ),
    "MaxPool2D": Case(
        jl.MaxPool2D((3, 2), stride=(2, 2)), IMAGE, ({"window": 2}, {"window": (2, 2), "stride": (0, 1)})
    ),
    "MeanPool2D": Case(jl.MeanPool2D((3, 4), stride=(2, 3)), IMAGE, ({"window": (0, 1)},)),
    "FrequencyPool": Case(jl.FrequencyPool("max"), IMAGE, ({"kind": "last"},)),
    "AddChannel": Case(jl.AddChannel()),
    "MergeFrequency": Case(jl.MergeFrequency(), IMAGE),
    # pooling
    "MaxPool": Case(jl.MaxPool(2), refuses=({"window": 0}, {"window": 2, "stride": 0})),
    "MaxPool/odd": Case(jl.MaxPool(3)),
    "MaxPool/overlap": Case(jl.MaxPool(4, stride=3)),
    "MeanPool": Case(jl.MeanPool(2), refuses=({"window": 0},)),
    "MeanPool/overlap": Case(jl.MeanPool(5, stride=2)),
    "GlobalPool": Case(jl.GlobalPool("mean"), refuses=({"kind": "median"},), exempt=WHOLE),
    "GlobalPool/max": Case(jl.GlobalPool("max"), exempt=WHOLE),
    "GlobalPool/last": Case(jl.GlobalPool("last"), exempt=WHOLE),
    "SlidingPool": Case(jl.SlidingPool(5), refuses=({"window": 0}, {"window": 3, "kind": "median"})),
    "SlidingPool/max": Case(jl.SlidingPool(4, "max")),
    "SlidingPool/last": Case(jl.SlidingPool(4, "last")),
    # normalisation and noise
    "Normalize": Case(jl.Normalize(), refuses=({"epsilon": 0.0},)),
    "BatchNorm": Case(jl.BatchNorm(), refuses=({"epsilon": 0.0}, {"momentum": 1.0})),
    "LayerNorm": Case(jl.LayerNorm(), refuses=({"epsilon": 0.0},)),
    "ClipNorm": Case(jl.ClipNorm(), refuses=({"epsilon": 0.0},), exempt=WHOLE_CLIP),
    "SlidingNorm": Case(
        jl.SlidingNorm(6, epsilon=0.1),
        refuses=(
            {"window": 0},
            {"window": 3, "lookahead": 3},
            {"window": 3, "epsilon": 0.0},
            {"window": 3, "share": 2.0},
        ),
    ),
    "SlidingNorm/causal": Case(jl.SlidingNorm(5, lookahead=0, epsilon=0.1)),
    "SlidingNorm/share": Case(jl.SlidingNorm(70, lookahead=30, share=0.5, scale=False)),
    "PCEN": Case(jl.PCEN(8000, 800), refuses=({"sr": 8000, "gain": 0.0}, {"sr": 8000, "initial": -1.0})),
    "PCENMel": Case(jl.PCENMel(8000, n_fft=64, hop_length=50, n_mels=8), (333,)),
    "AutoGain": Case(
        jl.AutoGain(6, range_db=1.8),
        refuses=({"window": 0}, {"window": 3, "range_db": 0.0}, {"window": 3, "lookahead": 3}),
    ),
    "AutoGain/causal": Case(jl.AutoGain(5, lookahead=0, range_db=1.8)),
    "SpecAugment": Case(jl.SpecAugment(), refuses=({"bands": -1}, {"span_share": 1.5})),
    "FilterAugment": Case(jl.FilterAugment(), refuses=({"gain": -1.0}, {"knots": 1}, {"share": 1.5})),
    "FrequencyWarp": Case(jl.FrequencyWarp(), refuses=({"stretch": 1.0}, {"shift": -0.1})),
    "Dropout": Case(jl.Dropout(0.4), refuses=({"rate": 1.0},)),
    # recurrences
    "LSTM": Case(jl.LSTM(6), refuses=({"units": 0},)),
    "GRU": Case(jl.GRU(6), refuses=({"units": 0},)),
    "Bidirectional": Case(jl.Bidirectional(jl.LSTM(3)), refuses=({"inner": jl.Dense(3)},), exempt=WHOLE_CLIP),
    "Bidirectional/last": Case(jl.Bidirectional(jl.GRU(3), last=True), exempt=WHOLE_CLIP),
    # attention
    "AttentionPool": Case(jl.AttentionPool(heads=2), refuses=({"heads": 0},), exempt=WHOLE_CLIP),
    "MultiHeadSelfAttention": Case(
        jl.MultiHeadSelfAttention(2, head_size=3),
        refuses=({"heads": 0}, {"heads": 2, "window": 0}, {"heads": 2, "head_size": 0}),
        exempt=WHOLE_CLIP,
    ),
    "MultiHeadSelfAttention/window": Case(jl.MultiHeadSelfAttention(2, window=6)),
    "MultiHeadSelfAttention/causal window": Case(jl.MultiHeadSelfAttention(2, causal=True, window=5, rotary=True)),
    # writing
    "AttentionDecoder": Case(
        jl.AttentionDecoder(3, longest=4, units=4, size=3, kernel=3),
        refuses=({"symbols": 0}, {"symbols": 3, "longest": 0}, {"symbols": 3, "kernel": 0}),
        exempt=WHOLE_CLIP | LOOP,
    ),
    "EncoderDecoder": Case(
        jl.EncoderDecoder(jl.Conv1D(4, 3, stride=2), jl.AttentionDecoder(2, longest=3, units=3, size=3, kernel=2)),
        refuses=({"encoder": jl.ReLU(), "decoder": jl.Dense(3)},),
        exempt=WHOLE_CLIP | LOOP,
    ),
    # autoencoders
    "Stack": Case(jl.Stack(5), refuses=({"window": 0}, {"window": 3, "lookahead": 3})),
    "Reconstruction": Case(
        jl.Reconstruction(jl.Normalize(), jl.serial(jl.Dense(3), jl.Tanh()), jl.Dense(4)),
        refuses=(
            {"front_end": 1, "encoder": jl.ReLU(), "decoder": jl.ReLU()},
            {"front_end": jl.ReLU(), "encoder": jl.ReLU(), "decoder": jl.ReLU(), "divergence": -1.0},
        ),
        exempt=COMPOSED,
    ),
    "Reconstruction/variational": Case(
        jl.Reconstruction(jl.Stack(3), jl.Dense(4), jl.Dense(12), divergence=0.5), exempt=COMPOSED
    ),
    "Description": Case(jl.Description(), refuses=({"epsilon": 0.0},), exempt=WHOLE_CLIP),
    "Novelty": Case(jl.Novelty()),
    # tokens
    "Embedding": Case(
        jl.Embedding(7, 3),
        (23,),
        ({"n": 0, "size": 3}, {"n": 3, "size": 0}),
        exempt={"dtype": "takes whole numbers"},
        tokens=7,
    ),
    # activations
    "Identity": Case(jl.Identity()),
    "ReLU": Case(jl.ReLU()),
    "GELU": Case(jl.GELU()),
    "SiLU": Case(jl.SiLU()),
    "Tanh": Case(jl.Tanh()),
    "Logistic": Case(jl.Logistic()),
    # combinators
    "Serial": Case(jl.serial(jl.Conv1D(4, 3), jl.ReLU(), out=jl.Dense(3)), refuses=({"layers": (), "names": ()},)),
    "Serial/phase": Case(jl.serial(jl.Conv1D(4, 4), jl.Conv1D(3, 3, stride=2), jl.Conv1D(3, 6), jl.MaxPool(3))),
    "Parallel": Case(
        jl.parallel(jl.Conv1D(4, 7), jl.Conv1D(3, 3, lookahead=0), jl.Identity()),
        refuses=({"layers": (jl.ReLU(),), "names": ("a",), "merge": "multiply"},),
    ),
    "Parallel/stride": Case(jl.parallel(a=jl.serial(jl.Conv1D(4, 7), jl.MaxPool(2)), b=jl.Conv1D(2, 2, stride=2))),
    "Parallel/residual": Case(jl.residual(jl.Conv1D(4, 6), jl.Tanh())),
    "Parallel/average": Case(jl.nn.average(jl.Conv1D(4, 6), jl.Conv1D(4, 3, lookahead=0))),
    "Parallel/shortcut": Case(jl.residual(jl.Conv1D(5, 6, stride=2), shortcut=jl.Conv1D(5, 1, stride=2))),
    "Parallel/down and up": Case(jl.residual(jl.Conv1D(6, 5, stride=2), jl.ConvTranspose1D(4, 4))),
    "Parallel/up": Case(
        jl.serial(jl.parallel(jl.ConvTranspose1D(3, 5), jl.ConvTranspose1D(2, 2, lookahead=0)), jl.MeanPool(3))
    ),
    "Frozen": Case(jl.Frozen(jl.serial(jl.Conv1D(4, 5, stride=2), jl.BatchNorm(), jl.Dropout(0.3)))),
    "BFloat16": Case(jl.BFloat16(jl.serial(jl.Conv1D(4, 5, stride=2), jl.BatchNorm(), jl.Tanh()))),
    "Remat": Case(jl.Remat(jl.serial(jl.Conv1D(4, 5, stride=2), jl.BatchNorm(), jl.Tanh()))),
    "OnStreams": Case(jl.OnStreams(jl.serial(jl.Conv1D(4, 5), jl.GlobalPool(), jl.Dense(3)), 9), exempt=WHOLE),
    "lift": Case(jl.lift(abs), exempt=FUNCTION),
}
MODELS: dict[str, Case] = {
    "cnn1d": Case(CNN1D, (800,), exempt=WHOLE),
    "cnn1d/streaming": Case(jl.streaming(CNN1D, longest=800), (800,)),
    "cnn1d/causal": Case(CAUSAL, (777,), exempt=WHOLE),
    "cnn1d/causal, streaming": Case(jl.streaming(CAUSAL, longest=400), (777,)),
    "lstm": Case(LSTM, (700,), exempt=WHOLE),
    "lstm/streaming": Case(jl.streaming(LSTM, longest=700), (700,)),
    "lstm/bidirectional": Case(jl.models.lstm(3, units=(3, 2), bidirectional=True), exempt=WHOLE_CLIP),
    # The streaming form of a model holds all its layers, so the others have one line each.
    "gru": Case(jl.streaming(jl.models.gru(3, units=(5,)), longest=23)),
    "cnn": Case(jl.streaming(jl.models.cnn(3, filters=(2, 3), channels=(4, 3), kernel=3), longest=23), (23, 7)),
    "cnn/causal": Case(jl.streaming(jl.models.cnn(3, filters=(2,), channels=(3,), causal=True), longest=23), (23, 6)),
    "resnet": Case(jl.streaming(jl.models.resnet(3, filters=(2, 3), channels=(4, 3)), longest=23), (23, 7)),
    "ds_cnn": Case(jl.streaming(jl.models.ds_cnn(3, channels=4, blocks=1), longest=23), (23, 8)),
    "crnn": Case(jl.streaming(jl.serial(jl.Raw(), jl.models.crnn(3, channels=(4, 3), kernel=3, units=4)), 500), (500,)),
    "event_crnn": Case(
        jl.serial(FRONT, jl.models.event_crnn(2, filters=(2, 3), channels=4, units=3)), (800,), exempt=WHOLE_CLIP
    ),
    "event_crnn/causal": Case(
        jl.models.event_crnn(2, filters=(2,), channels=3, units=3, kernel=3, causal=True), (23, 7)
    ),
    "event_linear": Case(jl.models.event_linear(3)),
    "mlp": Case(jl.streaming(jl.models.mlp(3, units=(5,)), longest=23)),
    "linear": Case(jl.streaming(jl.models.linear(3), longest=23)),
    "ctc": Case(jl.models.ctc(3, filters=(2, 3), channels=(4, 3), kernel=3, units=4), (23, 7)),
    "ctc/causal": Case(jl.models.ctc(3, filters=(2,), channels=(3, 4), units=0, causal=True), (23, 6)),
    "ctc/bidirectional": Case(
        jl.models.ctc(3, filters=(2,), channels=(3,), units=3, bidirectional=True), (23, 6), exempt=WHOLE_CLIP
    ),
    "attention": Case(
        jl.models.attention(3, front_end=FRONT, filters=(2,), channels=(3,), kernel=3, units=3, longest=4),
        (700,),
        exempt=WHOLE_CLIP | LOOP,
    ),
    "autoencoder": Case(jl.models.autoencoder(4, units=(5,), code=2)),
    "conv_autoencoder": Case(jl.models.conv_autoencoder(4, channels=(5, 3), code=2, kernel=3)),
}

CASES = LAYERS | MODELS
