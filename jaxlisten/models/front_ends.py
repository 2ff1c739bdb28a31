"""Front ends with settings that suit a sample rate: functions of the rate that return a layer for raw sound."""

from __future__ import annotations

from typing import Any

from jaxlisten.nn import MFCC, AutoGain, FilterAugment, FilterBank, LogMel, PCENMel, Raw, Serial, SlidingNorm, serial

_AROUND = 201
"""Frames of 10 ms that a level is measured against: a second before a frame, and a second after it."""


def log_mel(sr: int, *, n_mels: int = 64, lookahead: int | None = None, relative: bool = True) -> Serial:
    """Return a `LogMel` with a 25 ms window every 10 ms, made independent of how loud and how coloured a recording is.

    `AutoGain` measures levels against the peak within a second to either side, and `SlidingNorm` takes half of each
    band's mean over that time away: what a microphone, a room or a voice adds to all of a recording.

    Args:
        sr: sample rate in Hz.
        n_mels: mel bands.
        lookahead: how many frames of that time may lie ahead; None: half of them. 0 is for detectors that answer at
            once: levels are measured against the last two seconds.
        relative: False leaves levels as they are, for models whose answer is in them, such as a loudness.
    """
    mel = LogMel(**_frames(sr), n_mels=n_mels)
    if not relative:
        return serial(mel)
    around = (AutoGain(_AROUND, lookahead), SlidingNorm(_AROUND, lookahead, share=0.5, scale=False))
    return serial(mel, *around)


def voice(sr: int, *, n_mels: int = 64, lookahead: int | None = None) -> Serial:
    """Return `log_mel` with a `FilterAugment` behind it: for words of many speakers, whose colour tells nothing.

    Args:
        sr, n_mels, lookahead: as in `log_mel`.
    """
    return serial(log_mel(sr, n_mels=n_mels, lookahead=lookahead), FilterAugment())


def mfcc(sr: int, *, n_mfcc: int = 20, n_mels: int = 64) -> MFCC:
    """Return an `MFCC` with the frames of `log_mel`.

    Args:
        sr: sample rate in Hz.
        n_mfcc: coefficients.
        n_mels: mel bands.
    """
    return MFCC(**_frames(sr), n_mfcc=n_mfcc, n_mels=n_mels)


def pcen_mel(sr: int, *, n_mels: int = 64) -> Serial:
    """Return a `PCENMel` with the frames of `log_mel`.

    Args:
        sr: sample rate in Hz.
        n_mels: mel bands.
    """
    return PCENMel(**_frames(sr), n_mels=n_mels)


def filter_bank(sr: int, *, n_filters: int = 40) -> FilterBank:
    """Return a `FilterBank` with 25 ms filters every 10 ms, evaluated some 2,000 times a second.

    Args:
        sr: sample rate in Hz.
        n_filters: learned filters.
    """
    frames = _frames(sr)
    hop_length = frames["hop_length"]
    stride = max(n for n in range(1, max(1, sr // 2000) + 1) if hop_length % n == 0)
    return FilterBank(sr, n_filters, hop_length, frames["win_length"], stride)


def raw(sr: int) -> Raw:
    """Return a `Raw`: every sample is a step, so the model behind it has to be one that strides.

    Args:
        sr: sample rate in Hz; nothing depends on it.
    """
    return Raw()


def _frames(sr: int) -> dict[str, Any]:
    """Return a 25 ms window every 10 ms, in a spectrum of the next power of two."""
    win_length = round(0.025 * sr)
    n_fft = 2 ** (win_length - 1).bit_length()
    return {"sr": sr, "n_fft": n_fft, "hop_length": round(0.010 * sr), "win_length": win_length}
