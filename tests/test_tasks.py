"""Tasks are values: found by name, inferred from targets, static under jit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten.errors import InputError
from jaxlisten.losses import cross_entropy
from jaxlisten.tasks import TASKS, Task, classification, find, infer

LOGITS = jnp.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
LABELS = jnp.array([0, 2])


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_found_by_its_name(name):
    assert find(name) is TASKS[name]
    assert find(name).name == name


def test_an_unknown_name_is_refused_with_the_names_that_exist():
    with pytest.raises(InputError, match=r"'clasification'.*classification"):
        find("clasification")


@pytest.mark.parametrize("targets", [[0, 1, 2], np.array([3], np.uint8), jnp.array([0, 1])])
def test_class_indices_are_a_classification(targets):
    assert infer(targets) == classification()


@pytest.mark.parametrize("targets", [[0.5, 1.0], [[0, 1], [1, 0]], ["cat"], [True, False], [-1, 0], 3])
def test_other_targets_are_refused_with_what_is_supported(targets):
    with pytest.raises(InputError, match=r"class indices.*one class per clip"):
        infer(targets)


def test_smoothing_is_for_training_only():
    task = classification(label_smoothing=0.1)
    weight = jnp.array([1.0, 2.0])
    plain = cross_entropy(LOGITS, LABELS, weight)
    assert task.loss(LOGITS, LABELS, weight) == plain
    assert task.loss(LOGITS, LABELS, weight, train=True) == cross_entropy(LOGITS, LABELS, weight, label_smoothing=0.1)
    assert classification().loss(LOGITS, LABELS, weight, train=True) == plain


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0, float("nan")])
def test_smoothing_out_of_range_is_refused(label_smoothing):
    with pytest.raises(InputError, match="label_smoothing"):
        classification(label_smoothing=label_smoothing)


def test_equal_tasks_share_one_compilation():
    traces = []

    def loss(task: Task, logits, y):
        traces.append(task)
        return task.loss(logits, y, train=True)

    jitted = jax.jit(loss, static_argnums=0)
    for task in (classification(label_smoothing=0.1), classification(label_smoothing=0.1)):
        jitted(task, LOGITS, LABELS)
    assert len(traces) == 1
    jitted(classification(), LOGITS, LABELS)
    assert len(traces) == 2


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_the_link_of_classification_gives_probabilities_in_float32(dtype):
    probabilities = classification().link(LOGITS.astype(dtype))
    assert probabilities.dtype == jnp.float32
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(probabilities[1], [0.2119416, 0.5761169, 0.2119416], rtol=1e-5)
