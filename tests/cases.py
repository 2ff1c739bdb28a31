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
        item: shape of one item, ``(time, channel)`` or ``(time,)``.
        refuses: settings that this layer's class must refuse.
        exempt: laws that do not hold, by name, with the reason. This is the named list of exceptions.
    """

    layer: Any
    item: tuple[int, ...] = (23, 4)
    refuses: tuple[dict[str, Any], ...] = ()
    exempt: dict[str, str] = field(default_factory=dict)


FRONT = jl.LogMel(sr=8000, n_fft=128, hop_length=40, n_mels=12)
CNN1D = jl.serial(FRONT, jl.models.cnn1d(3, channels=(6, 8), kernel=3))
CAUSAL = jl.serial(FRONT, jl.models.cnn1d(3, channels=(6,), kernel=3, causal=True))
LSTM = jl.serial(FRONT, jl.models.lstm(3, units=(5,)))
WHOLE = {"streaming": "needs the whole signal; jl.streaming gives its streaming form, which has a line of its own"}
FUNCTION = {"storing": "a function can't be stored", "export": "a function has no ONNX form"}

CASES: dict[str, Case] = {
    # front ends
    "LogMel": Case(FRONT, (410,), ({"sr": 0}, {"sr": 8000, "win_length": 999}, {"sr": 8000, "fmax": 5000.0})),
    "LogMel/win_length": Case(jl.LogMel(8000, n_fft=64, hop_length=50, n_mels=8, win_length=51, fmin=90.0), (333,)),
    "LogMel/hop over n_fft": Case(
        jl.LogMel(8000, n_fft=100, hop_length=101, n_mels=5), (512,), ({"sr": 8, "n_fft": 9},)
    ),
    # linear
    "Dense": Case(jl.Dense(5), refuses=({"units": 0}, {"units": 2.5})),
    "Dense/no bias": Case(jl.Dense(5, bias=False)),
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
    "Dropout": Case(jl.Dropout(0.4), refuses=({"rate": 1.0},)),
    # recurrences
    "LSTM": Case(jl.LSTM(6), refuses=({"units": 0},)),
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
    "Parallel/shortcut": Case(jl.residual(jl.Conv1D(5, 6, stride=2), shortcut=jl.Conv1D(5, 1, stride=2))),
    "Frozen": Case(jl.Frozen(jl.serial(jl.Conv1D(4, 5, stride=2), jl.BatchNorm(), jl.Dropout(0.3)))),
    "lift": Case(jl.lift(abs), exempt=FUNCTION),
    # models
    "cnn1d": Case(CNN1D, (800,), exempt=WHOLE),
    "cnn1d/streaming": Case(jl.streaming(CNN1D, longest=800), (800,)),
    "cnn1d/causal": Case(CAUSAL, (777,), exempt=WHOLE),
    "cnn1d/causal, streaming": Case(jl.streaming(CAUSAL, longest=400), (777,)),
    "lstm": Case(LSTM, (700,), exempt=WHOLE),
    "lstm/streaming": Case(jl.streaming(LSTM, longest=700), (700,)),
}
