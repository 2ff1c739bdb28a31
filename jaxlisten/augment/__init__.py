"""Augmentation: what another voice, room, distance or microphone would have changed, drawn anew at every step.

An augmentation is a value, a frozen dataclass of settings, with one pure function ``(key, batch) -> batch`` that runs
inside the compiled training step. It takes and returns batches of raw sound, ``[batch, time]``, with or without
`Padded`. What works on features, behind the front end, is a layer: `SpecAugment`, `FrequencyWarp` and `FilterAugment`.

    >>> recipe = Chain((Speed(0.9, 1.1), Noise(snr_db=(5.0, 40.0)), Gain()))
    >>> hash(recipe) == hash(Chain((Speed(0.9, 1.1), Noise(snr_db=(5.0, 40.0)), Gain())))
    True
"""

from jaxlisten.augment.base import Augmentation, Chain
from jaxlisten.augment.level import Background, Gain, Noise, Recordings
from jaxlisten.augment.mixup import Mixup
from jaxlisten.augment.stream import InStream
from jaxlisten.augment.time import Speed, TimeShift
from jaxlisten.augment.views import Views

__all__ = [
    "Augmentation",
    "Background",
    "Chain",
    "Gain",
    "InStream",
    "Mixup",
    "Noise",
    "Recordings",
    "Speed",
    "TimeShift",
    "Views",
]
