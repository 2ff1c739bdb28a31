"""Detections while a stream goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from jaxlisten.detect.detector import Deciding, Detection
from jaxlisten.detect.hearing import Hearing


class Listening(Iterator[Detection]):
    """What is found in a stream, each as soon as it can be said: an iterator over `Detection`.

    Attributes:
        hearing: how the stream is heard; `Hearing.exact` tells whether as a stream or in windows.

    Args:
        hearing: what hears the pieces.
        deciding: what makes detections of its rows.
        pieces: the stream, ``[time]`` each, at the rate of `hearing`.
    """

    def __init__(self, hearing: Hearing, deciding: Deciding, pieces: Iterable[np.ndarray]):
        self.hearing: Hearing = hearing
        self._found = (one for heard in hearing.over(pieces) for one in deciding.feed(heard))

    def __next__(self) -> Detection:
        return next(self._found)
