"""Models that say what comes next."""

from __future__ import annotations

from jaxlisten.nn import LSTM, Dense, Dropout, Embedding, Serial, serial


def melody(tokens: int = 130, *, size: int = 48, units: int = 128, dropout: float = 0.1) -> Serial:
    """An LSTM over the numbers of a melody, with logits of the next one at every step.

    Train it with ``task="classification"`` on the batches of `jaxlisten.data.next_notes`, and let it go on from a
    beginning with `jaxlisten.generate`.

    Args:
        tokens: how many numbers there are.
        size: of the vector of each.
        units: size of the LSTM.
        dropout: rate before the last layer.

    Returns:
        A layer from integers ``[*batch, steps]`` to logits ``[*batch, steps, tokens]``.
    """
    return serial(embedding=Embedding(tokens, size), lstm=LSTM(units), dropout=Dropout(dropout), logits=Dense(tokens))
