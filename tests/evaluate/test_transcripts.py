"""The report on transcripts: figures worked out by hand, mistakes laid beside the truth, and the page."""

import dataclasses
import json

import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.evaluate.page import render
from jaxlisten.evaluate.page.card import card

WORDS = ("<one>", "two", "three")
TRUTH = np.array([[0, 1, 2], [1, 1, -1], [2, -1, -1], [0, -1, -1]])
SAID = np.array([[0, 2, -1, -1], [1, 1, -1, -1], [2, 0, 0, -1], [-1, -1, -1, -1]])
PATHS = ("a.wav", "b.wav", "c.wav", "d.wav")


def report(**fields) -> jl.TranscriptReport:
    return jl.TranscriptReport(WORDS, TRUTH, SAID, PATHS, **fields)


def test_figures_are_those_worked_out_by_hand():
    found = report(groups=("x", "x", "y", "y"))
    assert found.total == (0, 2, 2, 7)  # "two" and "<one>" missed, "<one>" made up twice
    assert found.label_error_rate == found.word_error_rate == 4 / 7
    assert found.exact_match == 1 / 4
    assert found.per_class["two"] == {"support": 3, "substituted": 0, "deleted": 1, "inserted": 0}
    assert found.per_class["<one>"] == {"support": 2, "substituted": 0, "deleted": 1, "inserted": 2}
    assert found.by_group == {
        "x": {"n": 2, "label_error_rate": 1 / 5, "exact_match": 0.5},
        "y": {"n": 2, "label_error_rate": 3 / 2, "exact_match": 0.0},
    }
    assert [(wrong.path, wrong.errors) for wrong in found.mistakes] == [("c.wav", 2), ("d.wav", 1), ("a.wav", 1)]
    assert found.mistakes[2].pairs == (("<one>", "<one>"), ("two", None), ("three", "three"))
    assert (found.mistakes[0].truth, found.mistakes[0].predicted) == ("three", "three <one> <one>")
    assert "label error rate 57.1% (0 substitutions, 2 deletions, 2 insertions in 7 symbols)" in found.headline


def test_characters_have_a_rate_of_words_too():
    classes = (" ", "a", "n", "o")
    truth, said = np.array([[2, 3, 0, 1]]), np.array([[2, 3, 0, 2]])
    found = jl.TranscriptReport(classes, truth, said, ("a.wav",))
    assert (found.label_error_rate, found.word_error_rate) == (1 / 4, 1 / 2)
    assert found.confusions == [("a", "n", 1)]
    assert (found.mistakes[0].truth, found.mistakes[0].predicted) == ("no a", "no n")
    assert "word error rate 50.0%" in found.headline


def test_a_report_is_stored_as_json_and_as_a_page(tmp_path):
    rows = tuple(
        {"epoch": k + 1.0, "train_loss": 2.0 - k, "val_loss": 2.0 - k, "val_ler": 1 - 0.3 * k} for k in range(2)
    )
    clips = jl.data.arrays([np.sin(np.arange(800.0))] * 4, [jl.data.Transcript(("two",))] * 4, sr=8000)
    found = report(history=rows, best_epoch=2, groups=("x", "x", "y", "y"), data=clips, title="digits")
    found.save(tmp_path / "report.json")
    stored = json.loads((tmp_path / "report.json").read_text())
    assert (stored["label_error_rate"], stored["symbols"], stored["n"]) == (4 / 7, 7, 4)
    assert stored["mistakes"][0]["pairs"] == [["three", "three"], [None, "<one>"], [None, "<one>"]]
    page = render(found)
    for part in ("Label error rate", 'id="symbols"', 'id="groups"', "<audio", 'class="aligned"', "&lt;one&gt;"):
        assert part in page, part
    assert "<one>" not in page
    assert page.count("class=off") == 4
    assert "made up" in card(found) or "inserted" in card(found)
    assert str(found).splitlines()[0] == "digits"


def test_a_page_without_mistakes_says_so():
    assert "every transcript is right" in render(jl.TranscriptReport(WORDS, TRUTH, TRUTH, PATHS))


def test_reports_of_several_widths_are_pooled():
    other = jl.TranscriptReport(WORDS, TRUTH[:1, :3], SAID[:1, :2], ("e.wav",))
    pooled = jl.pooled({"first": report(), "second": other})
    assert (pooled.n, pooled.total.errors) == (5, 5)
    assert set(pooled.by_group) == {"first", "second"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"targets": TRUTH[:2]}, r"expected targets \[4, any\], got \[2, 3\]"),
        ({"predictions": SAID + 1}, "expected predictions below 3"),
        ({"targets": np.full((4, 2), -1)}, "one symbol or more, got an empty one"),
        ({"classes": ("a", "a", "b")}, "every class to be named once"),
    ],
)
def test_what_does_not_belong_together_is_refused(fields, message):
    with pytest.raises(jl.InputError, match=message):
        dataclasses.replace(report(), **fields)
