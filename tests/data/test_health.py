"""The health report: each fault is found, counted by class and put into words, and what is sound is left alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from jaxlisten.data import Dataset, Skipped, arrays, health, synthetic

SR = 8000
RNG = np.random.default_rng(0)


def noise(seconds: float = 0.5, peak: float = 0.5) -> np.ndarray:
    clip = RNG.uniform(-1, 1, round(seconds * SR))
    return (clip * peak / np.abs(clip).max()).astype(np.float32)


def made(clips: dict[str, tuple[str, np.ndarray]], **fields) -> Dataset:
    """A data set from paths with their labels and samples, ten good clips of each of two classes among them."""
    clips = clips | {f"good {name}{i}": (name, noise()) for name in "ab" for i in range(10)}
    data = arrays([clip for _, clip in clips.values()], [label for label, _ in clips.values()], sr=SR)
    return replace(data, paths=tuple(clips), **fields)


def loud(samples_at_full_scale: int, width: int = 8) -> np.ndarray:
    clip = noise()
    for i in range(samples_at_full_scale // width):
        clip[100 * i : 100 * i + width] = 1 if i % 2 else -1
    return clip


def test_synthetic_sounds_are_well():
    found = health(synthetic(60))
    assert (found.clips, found.sr) == (60, 8000)
    assert not any((found.skipped, found.silent, found.clipped, found.short, found.duplicates, found.remarks))
    assert found.problems == ()
    assert "no problems" in str(found)


def test_silence_is_found_below_60_db():
    data = made({"quiet": ("a", noise(peak=1.01e-3)), "mute": ("a", noise(peak=0.99e-3)), "zero": ("b", 0 * noise())})
    found = health(data)
    assert found.silent == ("mute", "zero")
    assert (found.classes["a"].silent, found.classes["b"].silent) == (1, 1)
    assert any("2 clips are silent" in remark and "mute, zero" in remark for remark in found.remarks)


def test_clipping_is_found_in_runs_at_full_scale_and_not_in_single_peaks():
    found = health(
        made(
            {
                "flat": ("a", loud(40)),
                "one": ("a", loud(8)),
                "peaks": ("a", loud(40, width=1)),
                "pairs": ("b", loud(40, width=2)),
                "low": ("b", 0.9 * loud(40)),
            }
        )
    )
    # Of eight samples in a row the inner six stand between others: 30 of 4000 in "flat", 6 in "one".
    assert found.clipped == ("flat", "one")
    assert found.classes["a"].clipped == 2
    assert health(made({"few": ("a", loud(5, width=5))})).clipped == ()


def test_short_is_below_50_ms_or_a_quarter_of_the_median():
    assert health(made({"x": ("a", noise(0.124)), "y": ("b", noise(0.126))})).short == ("x",)
    brief = [np.full(n, 0.1 * n / 400, np.float32) for n in (399, 400, 401)]
    assert health(arrays(brief, ["a", "b", "a"], sr=SR)).short == ("clip 0",)


def test_copies_are_grouped_and_are_problems_where_they_leak_or_contradict():
    one, two, three = noise(), noise(), noise()
    clips = {"1": ("a", one), "2": ("b", two), "3": ("a", one), "4": ("a", two), "5": ("b", three), "6": ("b", three)}
    data = made(clips)
    found = health(data)
    assert found.duplicates == (("1", "3"), ("2", "4"), ("5", "6"))
    assert found.conflicts == (("2", "4"),)
    assert (found.leaks, len(found.problems)) == ((), 1)
    assert (found.classes["a"].duplicates, found.classes["b"].duplicates) == (3, 3)
    names = ("train", "train", "train", "train", "train", "test", *("train",) * 20)
    for split in (replace(data, splits=names), replace(data, folds=names)):
        assert health(split).leaks == (("5", "6"),)
        assert "1 sound is in more than one split" in health(split).problems[0]


def test_clips_that_cannot_be_used_count_for_their_class():
    bad = (Skipped("a/x.wav", "'a/x.wav' is empty", "a"), Skipped("c/y.wav", "'c/y.wav' is damaged", "c"))
    found = health(made({}, skipped=bad))
    assert (found.classes["a"].skipped, found.classes["b"].skipped) == (1, 0)
    assert (found.classes["c"].clips, found.classes["c"].skipped) == (0, 1)
    assert found.problems[0] == "2 clips are of no use: 'a/x.wav' is empty, 'c/y.wav' is damaged"
    assert "'c' has no clip" in found.problems[1]


def test_lengths_and_balance_are_given_by_class():
    data = arrays([noise(s) for s in (1, 2, 4, 0.5)], ["a", "a", "a", "b"], sr=SR)
    found = health(data)
    assert found.classes["a"].seconds == {"min": 1, "median": 2, "max": 4, "total": 7}
    assert found.seconds == {"min": 0.5, "median": 1.5, "max": 4, "total": 7.5}
    assert "'b' has only one clip" in found.problems[0]
    assert "'a' has 3.0 times the clips of 'b'" in found.remarks[0]


@pytest.mark.parametrize(("y", "counts"), [([["a"], ["a", "b"], []], {"a": 2, "b": 1}), ([0.5, 1, 2], {})])
def test_labels_are_counted_each_and_numbers_have_no_classes(y, counts):
    found = health(arrays([noise(), noise(), noise()], y, sr=SR))
    assert {name: one.clips for name, one in found.classes.items()} == counts
    assert str(found).startswith("3 clips")


def test_it_is_json_with_stable_names_and_a_table():
    bad = (Skipped("a/x.wav", "'a/x.wav' is empty", "a"),)
    copy = noise()
    found = health(made({"one": ("a", copy), "two": ("b", copy), "mute": ("a", 0 * copy)}, skipped=bad))
    state = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert state["skipped"] == [{"path": "a/x.wav", "reason": "'a/x.wav' is empty"}]
    assert state["duplicates"] == state["conflicts"] == [["one", "two"]]
    assert (state["silent"], state["clipped"], state["short"], state["leaks"]) == (["mute"], [], [], [])
    assert state["classes"]["a"]["clips"] == 12
    assert set(state["classes"]["a"]["seconds"]) == set(state["seconds"]) == {"min", "median", "max", "total"}
    assert (state["clips"], state["sr"], len(state["problems"]), len(state["remarks"])) == (23, SR, 2, 2)
    head, _, columns, *rows = str(found).splitlines()
    assert head == "23 clips, 0.2 min, 8,000 Hz"
    assert rows[0].split() == ["a", "12", "0.50", "0.50", "0.50", "1", "1", "0", "0", "1"]
    assert {len(line) for line in (columns, *rows[:2])} == {len(columns)}


def test_no_clips_are_no_error():
    assert health(synthetic(36).subset([])).clips == 0


def test_a_folder_is_loaded(sounds):
    (sounds / "dog" / "bad.wav").write_bytes(b"")
    found = health(sounds)
    assert found.classes["dog"].skipped == 1
    assert "is empty" in found.problems[0]
