"""`ensemble`: the mean of the logits, as a listener like any other."""

import dataclasses

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten import runs
from tests.train.small import KEY, MODEL, TRAIN, VALIDATION, fit


@pytest.fixture(scope="module")
def members():
    alike = jl.fit_many(MODEL, TRAIN, VALIDATION, key=jax.random.split(KEY, 2), epochs=1, batch_size=8, progress=False)
    return [*alike, fit(jl.serial(jl.models.mfcc(TRAIN.sr), jl.models.linear(3)), epochs=1)]


@pytest.mark.wide
def test_logits_are_the_mean(members, tmp_path):
    together = jl.ensemble(members)
    logits = [np.log(jl.evaluate(member, VALIDATION).probabilities) for member in members]
    expected = jax.nn.softmax(np.mean(logits, axis=0))
    np.testing.assert_allclose(jl.evaluate(together, VALIDATION).probabilities, expected, atol=1e-5)
    runs.write(tmp_path, together)
    loaded = jl.load(tmp_path)
    np.testing.assert_array_equal(
        jl.evaluate(loaded, VALIDATION).probabilities, jl.evaluate(together, VALIDATION).probabilities
    )
    loaded.export(tmp_path / "listener.onnx")


@pytest.mark.wide
def test_what_does_not_belong_together_is_refused(members):
    with pytest.raises(jl.InputError, match="at least one listener, got none"):
        jl.ensemble([])
    with pytest.raises(jl.InputError, match="listeners of one sr, got 8000, and 16000 of run 1"):
        jl.ensemble([members[0], dataclasses.replace(members[1], sr=16_000)])
