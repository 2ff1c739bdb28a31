"""A trained listener in words and as a notebook shows it."""

import numpy as np
import pytest

import jaxlisten as jl

ROWS = (
    {"epoch": 1, "train_loss": 2.0, "val_loss": 1.0, "val_accuracy": 0.5},
    {"epoch": 2, "train_loss": 1.0, "val_loss": 0.5, "val_accuracy": 0.875},
    {"epoch": 3, "train_loss": 0.5, "val_loss": float("nan"), "val_accuracy": 0.75},
)


def fitted(classes=("cat", "dog"), history=ROWS, sr=8000):
    params = {"kernel": np.zeros((40, 2), np.float32), "bias": np.zeros(2, np.float32)}
    return jl.Fitted(jl.Dense(2), params, {}, jl.tasks.find("classification"), classes, sr, (40,), history)


def test_it_says_what_it_is_without_its_weights():
    words = "Fitted(2 classes, 8000 Hz, 82 weights, epoch 2 of 3, val_accuracy 0.875)"
    assert repr(fitted()) == str(fitted()) == words
    assert repr(fitted(history=(), sr=0)) == "Fitted(2 classes, 82 weights)"
    assert repr(fitted(history=({"train_loss": 1.0},))) == "Fitted(2 classes, 8000 Hz, 82 weights, epoch 1 of 1)"


def test_a_notebook_shows_the_curves_and_escapes_the_names():
    html = fitted(classes=("<b>", "dog"))._repr_html_()
    assert "&lt;b&gt;, dog" in html
    assert "<b>, " not in html
    assert html.count("<svg") == 2
    assert html.count("<polyline") == 3
    assert html.count("<circle") == 3
    assert "training 2 → 0.5" in html
    assert "validation 1 → 0.5" in html  # the last that is known
    assert "nan" not in html


@pytest.mark.parametrize("history", [(), ROWS[:1], ({"epoch": 1, "train_loss": float("nan")},)])
def test_a_notebook_shows_a_run_that_has_hardly_begun(history):
    html = fitted(history=history)._repr_html_()
    assert html.count("<svg") == (2 if history == ROWS[:1] else 0)


def test_many_names_are_cut():
    names = tuple(f"c{k}" for k in range(20))
    assert "c11 and 8 more" in fitted(classes=names)._repr_html_()
