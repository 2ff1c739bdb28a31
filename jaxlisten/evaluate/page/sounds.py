"""Clips on the page: a picture, and a player that needs no other file."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.page.pictures import bare
from jaxlisten.evaluate.page.text import hint

if TYPE_CHECKING:
    from jaxlisten.data import Dataset

LONGEST_SECONDS = 5.0
"""Of a longer clip the page has the beginning."""
AUDIO_BYTES = 2_800_000
"""All the sounds of a page together have at most about this size, before base64 adds a third."""


def sound(data: Dataset, index: int, *, name: str, most: int) -> str:
    """Show a clip: its spectrogram and an audio player, as HTML; nothing where it is no sound.

    Args:
        data: the clips.
        index: which of them.
        name: tells its picture from all others of the page.
        most: bytes of its audio at most. A clip that has more is cut.
    """
    clip = np.asarray(data.audio[index])
    if data.sr <= 0 or clip.ndim != 1 or not clip.size or not np.isfinite(clip).all():
        return ""
    kind, audio, n = _fitting(clip[: int(LONGEST_SECONDS * data.sr)], data.sr, most)
    label = f"spectrogram of {data.paths[index]}"
    picture = bare(plot.spectrogram, clip[:n], data.sr, name=name, size=(3.4, 1.7), margins=(0.5, 0.43), label=label)
    part, whole = (f"{samples / data.sr:.1f}" for samples in (n, len(clip)))
    cut = f'<p class="cut">The first {part} of {whole} s</p>' if part != whole else ""
    source = f"data:audio/{kind};base64,{base64.b64encode(audio).decode()}"
    player = f'<audio controls preload="metadata" aria-label="{hint(data.paths[index])}" src="{source}"></audio>'
    return f"{picture}{cut}{player}"


def _fitting(clip: np.ndarray, sr: int, most: int) -> tuple[str, bytes, int]:
    """Encode as much of a clip as fits into `most` bytes: the format, the file, and how many samples it holds."""
    n = len(clip)
    kind, audio = _encoded(clip, sr)
    while len(audio) > most and n > 1:
        n = max(1, int(0.95 * n * most / len(audio)))
        kind, audio = _encoded(clip[:n], sr)
    return kind, audio, n


def _encoded(clip: np.ndarray, sr: int) -> tuple[str, bytes]:
    """Write 16-bit samples without loss, as FLAC where that is smaller: every browser plays both."""
    import soundfile

    files = {}
    for kind in ("wav", "flac"):
        buffer = io.BytesIO()
        try:
            soundfile.write(buffer, np.clip(clip, -1, 1), sr, format=kind.upper(), subtype="PCM_16")
        except soundfile.LibsndfileError:  # FLAC doesn't have every sample rate
            continue
        files[kind] = buffer.getvalue()
    kind = min(files, key=lambda kind: len(files[kind]))
    return kind, files[kind]
