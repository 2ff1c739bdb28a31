"""The table in a notebook: well formed, complete, and safe whatever the classes are called."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from jaxlisten.data import Dataset, Skipped, arrays, synthetic


def rows(data: Dataset) -> list[list[str]]:
    """Read the table back as text."""
    tree = ElementTree.fromstring(data._repr_html_())
    return [[cell.text or "" for cell in row] for row in tree.iter("tr")]


def test_it_lists_the_classes_with_their_clips():
    data = synthetic(37)
    assert rows(data)[0] == ["class", "clips", ""]
    assert [(row[0], row[1]) for row in rows(data)[1:]] == list(zip(data.classes, "766666", strict=True))
    bars = [span.get("style", "") for span in ElementTree.fromstring(data._repr_html_()).iter("span")]
    assert [bar.rpartition("width:")[2] for bar in bars] == ["8.00em"] + ["6.86em"] * 5


def test_its_head_counts_everything_and_names_are_escaped():
    clips = np.zeros((2, 480_000), np.float32)
    data = replace(arrays(clips, ["<script>x</script>", "\udcff"], sr=8000), skipped=(Skipped("a", "b"),))
    html = data._repr_html_()
    assert "2 clips, 2.0 min, 8,000 Hz, 1 skipped" in html
    assert "<script" not in html
    assert rows(data)[1][0] == "<script>x</script>"
    html.encode()


@pytest.mark.parametrize("y", [[["dog"], []], [0.5, 2.0], [[0.5, 1], [2, 3]]])
def test_it_shows_labels_and_numbers(y):
    data = arrays(np.zeros((2, 10)), y, sr=8000)
    expected = {"labels": ["dog", "1"], "numbers": [data.classes[0], "0.5", "1.25", "2"]}[data.kind]
    assert rows(data)[1][: len(expected)] == expected
    assert len(rows(data.subset([]))) == len(rows(data))


def test_of_very_many_classes_the_first_are_listed():
    data = arrays(np.zeros((100, 10)), [f"{i:02}" for i in range(100)], sr=8000)
    assert len(rows(data)) == 1 + 60
    assert "and 40 more" in data._repr_html_()
