"""A comparison: chosen on validation, scored on test, in a table and on a page."""

import dataclasses
import json
import re

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.errors import InputError
from jaxlisten.evaluate.comparison import size_text
from tests.evaluate.test_page import Page

CLIPS = jl.data.synthetic(72)
PARTS = tuple(CLIPS.subset(np.arange(72) % 3 == k) for k in range(3))
FAMILIES = ("gmm", "tree")


@pytest.fixture(scope="module")
def network():
    front = jl.LogMel(CLIPS.sr, n_fft=256, hop_length=80, n_mels=16)
    model = jl.serial(front, jl.models.linear(len(CLIPS.classes)))
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        return jl.fit(model, PARTS[0], PARTS[1], epochs=2, key=jax.random.key(0), progress=False)


@pytest.fixture(scope="module")
def found(network):
    return jl.compare(
        *PARTS, networks={"<i>net</i>": network}, families=FAMILIES, title="<b>", about={"data": "x"}, progress=False
    )


@pytest.mark.wide
def test_every_family_is_there_on_pooled_features_and_on_embeddings_beside_the_network(found, network):
    named = {(row.name, row.features == "embedding") for row in found.rows}
    titles = [jl.classical.FAMILIES[name].title for name in FAMILIES]
    wanted = {(title, embedded) for title in titles for embedded in (False, True)}
    assert named == wanted | {("most common class", False), ("<i>net</i>", False)}
    net = next(row for row in found.rows if row.is_network)
    report = jl.evaluate(network, PARTS[2])
    assert (net.accuracy, (net.low, net.high)) == (report.accuracy, report.accuracy_interval)
    assert net.bytes == 4 * sum(np.size(leaf) for leaf in jax.tree.leaves((network.params, network.state)))
    assert [row.accuracy for row in found.rows] == sorted((row.accuracy for row in found.rows), reverse=True)
    assert all(row.train_seconds > 0 and row.clip_seconds > 0 for row in found.rows if row.features != "nothing")


def test_settings_are_those_that_are_best_on_the_validation_clips(found):
    row = next(row for row in found.rows if row.name == "decision tree" and row.features != "embedding")
    family, best = jl.classical.FAMILIES["tree"], []
    for settings in family.grid:
        for kind, name in (("mfcc", "MFCC"), ("log_mel", "log-mel")):
            x, val, test = (jl.classical.describe(part, kind).values for part in PARTS)
            made = jl.classical.train(family, settings, x, PARTS[0].targets)
            best.append((float((made.predict(val) == PARTS[1].targets).mean()), settings, name, made.predict(test)))
    accuracy, settings, name, said = max(best, key=lambda one: one[0])
    assert (row.validation_accuracy, row.settings, row.features, row.tried) == (accuracy, settings, name, len(best))
    assert np.array_equal(row.predictions, said)
    assert row.accuracy == (said == PARTS[2].targets).mean()


def test_the_figures_are_json_and_the_table_has_a_line_for_each_model(found, tmp_path):
    found.save(tmp_path / "c.json")
    figures = json.loads((tmp_path / "c.json").read_text())
    assert len(figures["models"]) == len(found.rows) == len(str(found).splitlines()) - 1
    assert figures["clips"] == {"train": 24, "validation": 24, "test": 24}
    assert figures["clusters"]["MFCC"]["ks"][0] == 2
    assert -1 <= figures["clusters"]["MFCC"]["agreement"] <= 1
    assert {one["classifier"] for one in figures["regions"]} == {jl.classical.FAMILIES[name].title for name in FAMILIES}
    assert repr(found).startswith("Comparison(best ")


def test_the_page_is_well_formed_loads_nothing_and_escapes_what_is_not_ours(found, tmp_path):
    found.save(tmp_path / "c.html")
    text = (tmp_path / "c.html").read_text()
    page = Page(text)
    assert re.findall(r'<section id="([^"]*)"', text) == [
        "models",
        "regions",
        "clusters",
        "method",
        "settings",
    ]
    assert text.count("<svg ") == len(FAMILIES) + 4
    assert "<i>net</i>" not in text
    assert "&lt;i&gt;net" in text
    assert "script" not in page.tags
    assert not re.search(r'(?:src|href)="(?!#|data:)', text)
    assert "too good" not in text


def test_without_test_clips_the_validation_clips_are_scored_and_the_page_says_so(tmp_path):
    found = jl.compare(*PARTS[:2], families=["tree"], progress=False)
    assert found.part == "validation"
    row = next(row for row in found.rows if row.features != "nothing")
    assert row.accuracy == row.validation_accuracy
    found.save(tmp_path / "c.html")
    assert "too good" in (tmp_path / "c.html").read_text()


def test_what_can_not_be_compared_is_refused(network):
    labels = dataclasses.replace(PARTS[0], targets=np.eye(len(CLIPS.classes), dtype=np.int8)[PARTS[0].targets])
    with pytest.raises(InputError, match="one class a clip, got several labels"):
        jl.compare(labels, PARTS[1])
    numbers = dataclasses.replace(PARTS[0], targets=np.zeros(24, np.float32), classes=("x",))
    with pytest.raises(InputError, match="one class a clip, got numbers"):
        jl.compare(numbers, PARTS[1])
    one = PARTS[0].subset(PARTS[0].targets == 0)
    with pytest.raises(InputError, match="two classes or more, got one"):
        jl.compare(one, PARTS[1])
    with pytest.raises(InputError, match="got another rate or other classes in test"):
        jl.compare(PARTS[0], PARTS[1], dataclasses.replace(PARTS[2], sr=16_000))
    with pytest.raises(InputError, match="families of .*knn, .* got 'svm'"):
        jl.compare(PARTS[0], PARTS[1], families=["svm"])
    with pytest.raises(InputError, match="at least one clip in validation"):
        jl.compare(PARTS[0], PARTS[1].subset([]))
    other = dataclasses.replace(network, classes=tuple(f"other {name}" for name in network.classes))
    with pytest.raises(InputError, match="expected a network of the classes"):
        jl.compare(*PARTS, networks={"network": other}, families=["knn"])


@pytest.mark.parametrize(("size", "said"), [(8, "8 B"), (1234, "1.23 kB"), (999_000, "999 kB"), (2_210_000, "2.21 MB")])
def test_sizes_have_three_digits(size, said):
    assert size_text(size) == said
