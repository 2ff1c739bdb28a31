"""Front ends with settings that suit a sample rate."""

from __future__ import annotations

from jaxlisten.nn import LogMel


def log_mel(sr: int, *, n_mels: int = 64) -> LogMel:
    """Return a `LogMel` with a 25 ms window every 10 ms, its spectrum interpolated to twice the usual bins or more.

    Args:
        sr: sample rate in Hz.
        n_mels: mel bands.
    """
    win_length = round(0.025 * sr)
    n_fft = 2 ** (2 * win_length - 1).bit_length()  # the next power of two above two windows: no band is empty
    return LogMel(sr, n_fft=n_fft, hop_length=round(0.010 * sr), n_mels=n_mels, win_length=win_length)
