"""The tasks of transcripts: what is said, and not when."""

from __future__ import annotations

import numpy as np

from jaxlisten import metrics
from jaxlisten.losses import ctc, next_symbol
from jaxlisten.ops.ctc import ctc_said, written
from jaxlisten.tasks.task import Task


def transcription() -> Task:
    """Make the task of transcripts by connectionist temporal classification (CTC): what is said, and not when.

    The model gives logits ``[batch, frames, 1 + symbols]``, the blank first, as `jaxlisten.models.ctc` does; targets
    are ``Padded(int32 [batch, longest], int32 [batch])``. The best epoch is the one with the lowest label error rate of
    greedy decoding, ``val_ler``.

    Example:
        >>> transcription().metric, transcription().maximize
        ('val_ler', False)
    """
    return Task(
        name="transcription",
        kind="transcripts",
        target="a transcript per clip",
        objective=ctc,
        activation="softmax",
        judge=_label_error_rate,
        metric="val_ler",
        maximize=False,
        special=1,
        decoder=ctc_said,
    )


def dictation(*, label_smoothing: float = 0.0) -> Task:
    """Make the task of transcripts by a model that writes them symbol by symbol, as `jaxlisten.models.attention` does.

    The model gives logits ``[batch, steps, 1 + symbols]``, the end first. In training it is given the true symbols
    before each (teacher forcing, `jaxlisten.types.Prompted`); otherwise those that it has written itself. The best
    epoch is the one with the lowest label error rate, ``val_ler``.

    Args:
        label_smoothing: as in `classification`, at each step.

    Example:
        >>> dictation(label_smoothing=0.1).taught
        True
    """
    return Task(
        name="dictation",
        kind="transcripts",
        target="a transcript per clip",
        objective=next_symbol,
        activation="softmax",
        judge=_label_error_rate,
        metric="val_ler",
        maximize=False,
        label_smoothing=label_smoothing,
        special=1,
        decoder=written,
        taught=True,
    )


def _label_error_rate(said: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    return {"ler": metrics.label_error_rate(targets, said)}
