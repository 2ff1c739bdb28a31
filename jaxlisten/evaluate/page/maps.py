"""The map of the clips, on which a click, or a key, plays one."""

from __future__ import annotations

import base64
import hashlib
import io
from functools import singledispatch
from typing import Any

import numpy as np

from jaxlisten.evaluate.anomaly import AnomalyReport
from jaxlisten.evaluate.page.pictures import on_page
from jaxlisten.evaluate.page.text import Section, count, hint, text
from jaxlisten.evaluate.plot.axes import SERIES
from jaxlisten.evaluate.plot.map import gathered
from jaxlisten.evaluate.report import Report

SHOWN_CLIPS = 160
"""How many clips a map shows at most: each has its sound on the page."""
_SECONDS = 2.5
"""Of a longer clip the map plays the beginning."""
_HIGHEST_SR = 16_000
_WIDE, _HIGH, _EDGE = 640, 400, 14

SCRIPT = """
const say = document.getElementById("heard"), points = [...document.querySelectorAll(".map [data-clip]")];
let playing = null;
const play = point => {
  if (playing) playing.pause();
  playing = document.getElementById("sound-" + point.dataset.clip);
  playing.currentTime = 0;
  playing.play();
  say.textContent = point.getAttribute("aria-label");
  points.forEach(one => one.setAttribute("aria-pressed", String(one === point)));
};
const go = (from, to) => {
  if (!points[to]) return;
  points[from].setAttribute("tabindex", "-1");
  points[to].setAttribute("tabindex", "0");
  points[to].focus();
};
points.forEach((point, k) => {
  point.addEventListener("click", () => play(point));
  point.addEventListener("keydown", event => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (!step && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (step) go(k, k + step); else play(point);
  });
});
"""
"""All that a page with a map runs; its hash is in the page's policy, so that nothing else is run."""


def policy() -> str:
    """Return what the page's policy says of its script."""
    return f"script-src 'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"


@singledispatch
def names(report: Any) -> list[str]:
    """Return what each clip is called on the map, where that is known."""
    return []


@names.register
def _(report: Report) -> list[str]:
    return [report.classes[k] for k in report.targets]


@names.register
def _(report: AnomalyReport) -> list[str]:
    return ["anomalous" if strange else "normal" for strange in report.anomalous]


def clips(report: Any) -> Section:
    """Draw where clips lie; every point plays its clip."""
    if report.places is None or report.data is None or not report.data.sr:
        return Section("Map", "")
    shown = _shown(report.n)
    called = names(report)
    keys, group = gathered([called[i] for i in shown] if called else [""] * len(shown))
    places = _placed(np.asarray(report.places, np.float64)[shown])
    points, sounds = [], []
    for k, at in enumerate(np.argsort(places[:, 0], kind="stable").tolist()):
        i = shown[at]
        said = hint(" ".join(part for part in (called[i] if called else "", report.paths[i]) if part))
        x, y = places[at]
        points.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" style="--key:{_colour(group[at])}" data-clip="{k}" role="button" '
            f'tabindex="{0 if k == 0 else -1}" aria-pressed="false" aria-label="{said}"><title>{said}</title></circle>'
        )
        sounds.append(
            f'<audio id="sound-{k}" preload="none" src="{_source(report.data.audio[i], report.data.sr)}"></audio>'
        )
    legend = "".join(
        f'<span style="--key:{_colour(k)}">{text(name)}</span>' for k, name in enumerate(keys) if len(keys) > 1
    )
    body = f"""<div class="map"><p class="colours">{legend}</p>
<svg viewBox="0 0 {_WIDE} {_HIGH}" role="group" aria-label="map of {len(shown)} clips">{"".join(points)}</svg>
<p id="heard" aria-live="polite">No clip chosen yet.</p>{"".join(sounds)}</div>
<script>{SCRIPT}</script>"""
    some = "" if len(shown) == report.n else f" {len(shown)} of {count(report.n)} clips, evenly chosen."
    note = (
        "Clips that the listener takes for alike lie near each other; the axes have no meaning of their own. Click a "
        f"point to hear its clip (its first {_SECONDS:g} s), or go from point to point with the arrow keys and press "
        f"Enter.{some}"
    )
    return Section("Map", body, note)


def _shown(n: int) -> list[int]:
    """Choose clips evenly where there are too many."""
    return list(range(n)) if n <= SHOWN_CLIPS else np.linspace(0, n - 1, SHOWN_CLIPS).round().astype(int).tolist()


def _placed(places: np.ndarray) -> np.ndarray:
    """Bring places into the picture; what lies twice as far out as nine tenths of the clips is moved to its edge."""
    apart = places - np.median(places, axis=0)
    reach = 2 * np.quantile(np.abs(apart), 0.9, axis=0)
    near = np.clip(apart, -reach, reach)
    low, high = near.min(axis=0), near.max(axis=0)
    share = (near - low) / np.where(high > low, high - low, 1.0)
    share = np.where(high > low, share, 0.5)
    return _EDGE + np.column_stack([share[:, 0], 1 - share[:, 1]]) * (np.array([_WIDE, _HIGH]) - 2 * _EDGE)


def _colour(group: int) -> str:
    return on_page(SERIES[(1, 0, 2, 3, 4, 5)[group]])


def _source(clip: np.ndarray, sr: int) -> str:
    """Write the beginning of a clip as small as a browser plays it: MP3, or where that can't be written, WAV."""
    import soundfile

    step = -(-sr // _HIGHEST_SR)
    sound = np.clip(np.asarray(clip[: int(_SECONDS * sr)], np.float32), -1, 1)
    if step > 1:
        import soxr

        sound, sr = soxr.resample(sound, sr, _HIGHEST_SR), _HIGHEST_SR
    for kind, name, subtype in (("mpeg", "MP3", "MPEG_LAYER_III"), ("wav", "WAV", "PCM_16")):
        buffer = io.BytesIO()
        try:
            soundfile.write(buffer, sound, sr, format=name, subtype=subtype)
        except (soundfile.LibsndfileError, ValueError):  # an older libsndfile, or a rate that MP3 doesn't have
            continue
        return f"data:audio/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return ""
