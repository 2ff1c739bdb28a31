"""Tasks are values: found by name, inferred from targets, static under jit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten.errors import InputError
from jaxlisten.losses import binary_cross_entropy, cross_entropy
from jaxlisten.tasks import TASKS, Task, classification, find, infer, regression, tagging, with_period

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


@pytest.mark.parametrize("targets", [[[0, 1], [1, 0]], np.zeros((3, 4), np.int8), np.array([[True], [False]])])
def test_rows_of_0_and_1_are_tagging(targets):
    assert infer(targets) == tagging()


@pytest.mark.parametrize("targets", [[0.5, 1.0], np.zeros((3, 2), np.float32)])
def test_floating_point_numbers_are_a_regression(targets):
    assert infer(targets) == regression()


@pytest.mark.parametrize("targets", [["cat"], [True, False], [-1, 0], 3, [[0, 2]], np.zeros((2, 2, 2))])
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


def test_weights_of_classes_are_for_training_only():
    weights, y = np.array([1.0, 2.0, 0.5], np.float32), jnp.array([[1, 0, 1], [0, 1, 0]])
    task = classification(class_weight=weights)
    assert task.loss(LOGITS, LABELS) == cross_entropy(LOGITS, LABELS)
    assert task.loss(LOGITS, LABELS, train=True) == cross_entropy(LOGITS, LABELS, class_weight=weights)
    task = tagging(class_weight=list(weights), positive_weight=weights[::-1])
    assert task == tagging(class_weight=weights, positive_weight=weights[::-1])
    assert task.loss(LOGITS, y) == binary_cross_entropy(LOGITS, y)
    got = jax.jit(lambda logits: task.loss(logits, y, train=True))(LOGITS)
    expected = binary_cross_entropy(LOGITS, y, class_weight=weights, positive_weight=weights[::-1])
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("weights", [[-1.0, 1.0], [0.0, 0.0], [[1.0]], [float("nan")]])
def test_weights_out_of_range_are_refused(weights):
    with pytest.raises(InputError, match="class_weight"):
        classification(class_weight=weights)
    with pytest.raises(InputError, match="positive_weight"):
        tagging(positive_weight=weights)


def test_the_links_of_labels_and_numbers():
    np.testing.assert_allclose(tagging().link(LOGITS.astype("bfloat16"))[0], [0.880797, 0.5, 0.2689414], rtol=1e-6)
    assert (regression().link(LOGITS) == LOGITS).all()
    assert regression().link(LOGITS.astype("bfloat16")).dtype == jnp.float32


def test_an_epoch_is_judged_by_figures_worked_out_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]], np.float32)
    assert classification().judge(probabilities, np.array([0, 0, 1])) == {"accuracy": pytest.approx(2 / 3)}
    labels = np.array([[1, 0], [0, 1], [1, 0]])
    assert tagging().judge(probabilities, labels) == {"map": pytest.approx(((1 + 2 / 3) / 2 + 1 / 2) / 2)}
    figures = regression().judge(np.array([[1.0], [2.0], [6.0]]), np.array([1.0, 2.0, 3.0]))
    assert figures == {"mae": 1.0, "r2": 1 - 9 / 2}


@pytest.mark.parametrize("name", TASKS)
def test_a_run_that_has_diverged_is_told_by_the_loss_and_not_by_the_judge(name):
    task = with_period(find(name), 0.5) if name == "event_detection" else find(name)
    targets = {
        "class": np.array([0, 1]),
        "labels": np.eye(2, dtype=np.int8),
        "numbers": np.eye(2),
        "events": np.array([[[0.0, 1.0, 0.0]], [[0.5, 1.5, 1.0]]]),
        "transcripts": np.array([[0], [1]]),
        "none": np.zeros((2, 0), np.int8),
    }[task.kind]
    nothing = np.full((2, 3, 2), np.nan, np.float32)
    said = np.asarray(task.answers(nothing if task.kind in ("events", "transcripts") else nothing[:, 0]))
    assert task.judge(said, targets) or task.kind == "none"


def test_events_are_told_by_their_shape_and_counted_in_time():
    events = np.array([[[0.0, 1.0, 0.0]], [[0.5, 1.5, 1.0]]])
    assert infer(events) is TASKS["event_detection"]
    task = with_period(infer(events), 0.5)
    assert task == with_period(find("event_detection"), 0.5), "equal periods are one compilation"
    assert with_period(task, 0.1).period == 0.5, "one that is said is kept"
    said = np.zeros((2, 4, 2))
    said[0, :2, 0] = said[1, 2:4, 1] = 0.9
    assert task.judge(tuple(said), events) == {"event_f1": 0.5, "segment_f1": pytest.approx(0.8)}
