"""Training for streams: from labelled clips and background to what a detector hears all day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jaxlisten.augment import Augmentation, Chain, Gain, InStream, Noise, Recordings, Speed
from jaxlisten.data import BACKGROUND, Dataset, Partition, is_background, is_negative, sounds
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer, OnStreams, streaming

_WINDOW_SECONDS = 1.5
"""The longest window: a longer sound is known by so much of it."""
_AROUND_SECONDS = 0.3
"""What validation hears before and after a clip."""
_SNR_DB = 3.0, 40.0
_MOST_SECONDS = 1500
"""Background that training uses at most, equally much of each recording; it is compiled into the step."""
_WHOLE_FILES = 10
"""From so many background recordings on, each goes to one part whole; fewer are cut up."""

Sounds = list[np.ndarray]
"""Recordings, float32 ``[time]`` each."""


@dataclass(frozen=True, eq=False)
class ForStreams:
    """What `for_streams` makes of clips.

    Attributes:
        parts: the clips without the silence around them, and cuts of background as a class of their own. Those that
            validate lie in background already; those that test are as they were.
        validation: the clips that validate, not laid into anything.
        background: what there is for training, validation and test.
        window: how many samples count: almost every sound is shorter, or is known by so much of it.
    """

    parts: Partition
    validation: Dataset
    background: tuple[Sounds, Sounds, Sounds]
    window: int

    def model(self, model: Layer) -> OnStreams:
        """Return the model as it is trained on streams.

        Args:
            model: with a streaming form, for as many classes as `parts` has.

        Raises:
            LayerError: it has none.
        """
        return OnStreams(model, self.window)

    def augment(self, model: Layer) -> Augmentation:
        """Return what makes streams of clips, at every step anew, with a target for every step of the model."""
        streamed, train = streaming(model, self.window), self.parts.train
        timing = streamed.timing()
        assert timing is not None
        samples = math.ceil(2 * self.window + 0.5 * train.sr)
        into_stream = InStream(
            recordings=Recordings(_some(self.background[0], _MOST_SECONDS * train.sr)),
            samples=samples,
            step=int(1 / timing.ratio),
            steps=streamed.out_length(samples),
            sr=train.sr,
            nothing=train.classes.index(_nothing(train.classes)),
            snr_db=_SNR_DB,
        )
        return Chain((Speed(), into_stream, Noise(share=0.3), Gain(-15.0, 15.0)))


def for_streams(parts: Partition, background: Sequence[np.ndarray] = (), *, seed: int = 0) -> ForStreams:
    """Make a detector's training data of clips with one class each and of background recordings.

    Where there is nothing to find is a class, ``_background_`` (or ``_silence_`` where the data has that). No part
    hears the background of another.

    Args:
        parts: clips for training, validation and test. Other classes whose name begins with an underscore, such as
            ``_unknown_``, stay what they are: sounds that are not to be found.
        background: floating-point ``[time]`` each, at the rate of the clips; none: the clips of the class of
            background, or coloured noise where there is none.
        seed: decides everything random.

    Raises:
        InputError: the clips don't have one class each, all their classes are of what is not to be found, or no
            background can be heard.

    Example:
        >>> made = for_streams(jl.data.partition(clips), rain)  # doctest: +SKIP
        >>> model = jl.serial(jl.models.log_mel(sr, lookahead=0), jl.models.cnn(n, causal=True))  # doctest: +SKIP
        >>> fitted = jl.fit(  # doctest: +SKIP
        ...     made.model(model), *made.parts[:2], augment=made.augment(model), key=jax.random.key(0)
        ... )
    """
    if parts.train.kind != "class":
        raise InputError(f"for_streams: expected clips with one class each, got {parts.train.kind}")
    rng = np.random.default_rng(seed)
    train, validation = (sounds(part) for part in (parts.train, parts.validation))
    lengths = [len(clip) for clip, label in zip(train.audio, _labels(train), strict=True) if not is_negative(label)]
    if not lengths:
        raise InputError("for_streams: expected clips of something to find; every class begins with an underscore")
    window = math.ceil(min(float(np.quantile(lengths, 0.9)), _WINDOW_SECONDS * train.sr))
    if background and not all(np.any(sound) for sound in background):
        raise InputError("for_streams: expected background to hear, got a recording that is silent all through")
    behind = _shared_out(parts, [np.asarray(sound, np.float32) for sound in background], rng)
    nothing = _nothing(train.classes)
    classes = train.classes if nothing in train.classes else (*train.classes, nothing)
    train, laid = (
        _with_background(replace(part, classes=classes), heard, window, classes.index(nothing), rng)
        for part, heard in zip((train, validation), behind[:2], strict=True)
    )
    test = parts.test and replace(parts.test, classes=classes)
    return ForStreams(Partition(train, _laid(laid, behind[1], rng), test), validation, behind, window)


def _nothing(classes: Sequence[str]) -> str:
    return next((name for name in classes if is_background(name)), BACKGROUND)


def _shared_out(parts: Partition, background: Sounds, rng: np.random.Generator) -> tuple[Sounds, Sounds, Sounds]:
    """Give training, validation and test background of their own."""
    if not background:
        own = [[] if part is None else _background_of(part) for part in parts]
        if not (own[0] and own[1]):
            noise = [_coloured(exponent, 10 * parts.train.sr, rng) for exponent in (0.0, 0.5, 1.0)]
            own = [_shared(noise, k) for k in range(3)]
        return own[0], own[1], own[2]
    if len(background) < _WHOLE_FILES:
        return _shared(background, 0), _shared(background, 1), _shared(background, 2)
    order = [background[i] for i in rng.permutation(len(background))]
    ends = 0, round(0.8 * len(order)), round(0.9 * len(order)), len(order)
    return order[: ends[1]], order[ends[1] : ends[2]], order[ends[2] :]


def _shared(sounds: Sounds, part: int) -> Sounds:
    """Take the first eight tenths of each recording, the ninth or the last."""
    begin, end = ((0.0, 0.8), (0.8, 0.9), (0.9, 1.0))[part]
    return [sound[round(begin * len(sound)) : round(end * len(sound))] for sound in sounds]


def _background_of(part: Dataset) -> Sounds:
    return [clip for clip, label in zip(part.audio, _labels(part), strict=True) if is_background(label) and clip.any()]


def _coloured(exponent: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw noise whose amplitude falls with the frequency to the power of `exponent`: 0 is white, 1 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.maximum(1, np.arange(n // 2 + 1)) ** exponent
    noise = np.fft.irfft(spectrum, n)
    return (0.1 * noise / noise.std()).astype(np.float32)


def _some(sounds: Sounds, most: int) -> Sounds:
    """Take equally much of the middle of each recording, so that there are at most `most` samples."""
    each = max(1, most // max(1, len(sounds)))
    starts = [max(0, (len(sound) - each) // 2) for sound in sounds]
    return [sound[start : start + each] for sound, start in zip(sounds, starts, strict=True)]


def _with_background(part: Dataset, sounds: Sounds, samples: int, nothing: int, rng: np.random.Generator) -> Dataset:
    """Add cuts of background, until there are as many as clips of a usual class."""
    usual = round(float(np.median([count for count in part.counts if count])))
    wanted = max(0, usual - int(part.counts[nothing]))
    if not wanted or not sounds:
        return part
    line = np.resize(np.concatenate(sounds), max(sum(map(len, sounds)), samples + 1))
    names = tuple(f"background {i}" for i in range(wanted))
    return replace(
        part,
        audio=(*part.audio, *(line[at : at + samples] for at in rng.integers(0, len(line) - samples, wanted))),
        targets=np.concatenate([part.targets, np.full(wanted, nothing, part.targets.dtype)]),
        paths=(*part.paths, *names),
        groups=part.groups and (*part.groups, *names),
        splits=None,
        folds=None,
    )


def _laid(part: Dataset, sounds: Sounds, rng: np.random.Generator) -> Dataset:
    """Lay each clip into background once, so that validation is the same after every epoch."""
    around = round(_AROUND_SECONDS * part.sr)
    line = np.resize(np.concatenate(sounds), max(sum(map(len, sounds)), max(map(len, part.audio)) + 2 * around + 1))
    audio = []
    for clip in part.audio:
        place = rng.integers(0, len(line) - len(clip) - 2 * around)
        bed = line[place : place + len(clip) + 2 * around].copy()
        ratio = 10 ** (-rng.uniform(*_SNR_DB) / 20) * _level(clip) / max(_level(bed), 1e-9)
        bed *= np.float32(ratio)
        bed[around : around + len(clip)] += clip
        audio.append(bed)
    return replace(part, audio=tuple(audio))


def _level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _labels(part: Dataset) -> list[str]:
    return [part.classes[target] for target in part.targets]
