"""Sound event detection from training to use: tones that begin and end, two of them at once."""

import json
from dataclasses import replace

import jax
import numpy as np
import optax
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten import detect, metrics
from jaxlisten.data import Event, arrays, windows
from jaxlisten.deploy.onnx import run_onnx
from jaxlisten.evaluate import EventReport
from jaxlisten.tasks import event_detection
from jaxlisten.types import Padded

SR = 8000
HZ = {"high": 2000, "low": 300}
FRONT = jl.LogMel(sr=SR, n_fft=256, hop_length=160, n_mels=16)
MODEL = jl.serial(FRONT, jl.Normalize(), jl.Conv1D(24, 9, lookahead=0), jl.ReLU(), jl.Dense(2))


def melody(n, seconds, seed):
    """Make recordings of noise with tones of either pitch in it, half a second long or more, that may overlap."""
    rng = np.random.default_rng(seed)
    audio, events = [], []
    for _ in range(n):
        sound, own = 0.05 * rng.standard_normal(round(seconds * SR)), []
        for name, hz in HZ.items():
            place = rng.uniform(0, 0.8)
            while (end := place + rng.uniform(0.5, 0.8)) < seconds:
                t = np.arange(round(place * SR), round(end * SR))
                sound[t] += 0.3 * np.sin(2 * np.pi * hz * t / SR)
                own.append(Event(name, t[0] / SR, (t[-1] + 1) / SR))
                place = end + rng.uniform(0.4, 1.0)
        audio.append(sound.astype(np.float32))
        events.append(own)
    return arrays(audio, events, sr=SR, classes=tuple(HZ))


TRAIN, VALIDATION, LONG = melody(40, 2.0, 0), melody(8, 2.0, 1), melody(3, 9.3, 2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tones"
    fitted = jl.fit(
        MODEL,
        TRAIN,
        VALIDATION,
        key=jax.random.key(0),
        optimizer=optax.adam(1e-2),
        epochs=14,
        batch_size=8,
        run_dir=folder,
        progress=False,
    )
    return fitted, folder


@pytest.fixture(scope="module")
def listener(run):
    return jl.load(run[1])


def test_it_learns_when_tones_begin_and_end(run):
    fitted, _ = run
    assert fitted.task.name == "event_detection"
    assert fitted.task.period == jl.nn.period(MODEL, SR) == 0.02
    assert fitted.history[fitted.best_epoch - 1]["val_event_f1"] > 0.8
    report = jl.evaluate(fitted, LONG)
    assert isinstance(report, EventReport)
    assert report.event_f1 > 0.8
    assert report.seconds == pytest.approx(3 * 9.3, abs=0.1)


def test_the_rule_is_stored_and_what_is_loaded_says_the_same(run, listener):
    fitted, folder = run
    stored = json.loads((folder / "config.json").read_text())["event_rule"]
    assert set(stored["thresholds"]) == set(HZ)
    assert json.loads((folder / "report.json").read_text())["event_f1"] > 0.8
    again = jl.evaluate(listener, LONG)
    assert again.to_dict()["event_based"] == jl.evaluate(fitted, LONG).to_dict()["event_based"]
    assert again.rule.to_dict() == stored


def test_a_long_recording_is_heard_in_windows_as_if_at_once(run):
    fitted, _ = run
    said = jax.jit(lambda x: fitted.task.link(MODEL.apply(fitted.params, fitted.state, x)[0]))
    whole = np.asarray(said(LONG.audio[0]))
    blocks = np.split(LONG.audio[0], [5, 9000, 9001, 40_000])
    together = list(detect.frames(fitted, [blocks, [LONG.audio[1]], [TRAIN.audio[0]]]))
    assert together[0].shape == whole.shape == (MODEL.out_length(len(LONG.audio[0])), 2)
    np.testing.assert_allclose(together[0], whole, atol=1e-5)
    np.testing.assert_array_equal(together[2], next(detect.frames(fitted, [[TRAIN.audio[0]]])))


def test_the_listener_names_events_and_their_times(listener, tmp_path):
    said = listener.predict(LONG.audio[0])
    truth = [Event(*event) for event in zip(*_named(LONG, 0), strict=True)]
    rows = [[(e.start, e.end, list(HZ).index(e.label)) for e in events] for events in (truth, said.events)]
    assert metrics.event_based(rows[:1], rows[1:], 2).f1 > 0.7
    assert said.labels == tuple(dict.fromkeys(event.label for event in said.events))
    assert said.label == said.top[0][0]
    soundfile.write(tmp_path / "a.wav", LONG.audio[0], SR, subtype="FLOAT")
    (path, same), (_, error) = listener.predict_many([tmp_path / "a.wav", tmp_path / "none.wav"])
    assert (path, same) == (tmp_path / "a.wav", said)
    assert isinstance(error, jl.InputError)
    with pytest.raises(jl.InputError, match="finds events"):
        listener.windows(tmp_path / "a.wav")


def _named(data, i):
    rows = data.targets[i][data.targets[i][:, 2] >= 0]
    return [data.classes[int(k)] for k in rows[:, 2]], rows[:, 0].tolist(), rows[:, 1].tolist()


def test_it_streams_exactly_and_its_detections_come_in_time(listener):
    hearing = detect.Hearing(listener.fitted)
    assert hearing.exact
    found = list(listener.listen([LONG.audio[0]], threshold=0.5))
    labels, starts, ends = _named(LONG, 0)
    inside = [
        any(
            one.label == label and start <= one.time <= end + 0.5
            for label, start, end in zip(labels, starts, ends, strict=True)
        )
        for one in found
    ]
    assert len(found) >= len(labels) // 2
    assert np.mean(inside) > 0.8


def test_the_exported_file_gives_the_probabilities_of_every_step(listener, tmp_path):
    done = listener.export(tmp_path / "tones.onnx", data=VALIDATION)
    assert done.score is None
    said = run_onnx(done.path.read_bytes(), VALIDATION.audio[0][None])[0]
    np.testing.assert_allclose(said, listener.probabilities(VALIDATION.audio[0]), atol=1e-4)


def test_the_report_says_it_in_words_numbers_and_pictures(run, tmp_path):
    report = jl.evaluate(run[0], LONG, title="tones")
    report.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    for words in (
        "Event F1",
        "Segment ER",
        "Timelines",
        "Most mistakes",
        "found, wrong" if report.event_f1 < 1 else "there",
    ):
        assert words in page
    said = report.to_dict()
    assert said["segment_based"]["truth"] == report.segment_based.truth.sum()
    assert said["per_class"]["low"]["events"] == sum(label == "low" for i in range(3) for label in _named(LONG, i)[0])
    assert len(said["recordings"][0]["truth"]) == said["recordings"][0]["events"]
    assert report.table()[0][0] == "class"
    assert report.worst_table()[1][0] == report.recordings[0].path
    assert "recording" in repr(report) or "event F1" in repr(report)
    assert "event F1" in report._repr_html_()


def test_the_loss_is_the_binary_cross_entropy_of_the_steps_that_count():
    task = event_detection(period=0.5)
    logits = np.random.default_rng(0).standard_normal((2, 5, 2)).astype(np.float32)
    y = np.array([[[0.5, 1.5, 1], [0.0, 0.1, 0]], [[0.0, 9.0, 0], [0, 0, -1]]], np.float32)
    truth = np.zeros((2, 5, 2))
    truth[0, 1:3, 1] = truth[0, 0, 0] = truth[1, :, 0] = 1
    loss = np.logaddexp(0, logits) - truth * logits
    expected = np.concatenate([loss[0, :5].ravel(), loss[1, :3].ravel()]).mean()
    values = logits.copy()
    values[1, 3:] = np.nan
    loss_of = jax.jit(task.loss)
    got = loss_of(Padded(values, np.array([5, 3])), y)
    assert float(got) == pytest.approx(expected, rel=1e-5)
    assert float(loss_of(logits, y, np.array([1, 0], np.float32))) == pytest.approx(loss[0].mean(), rel=1e-5)


def test_speed_moves_the_events_with_the_sound():
    batch = jl.Batch(np.zeros((1, 4 * SR), np.float32), np.array([[[1, 2, 0], [0, 0, -1]]], np.float32), np.ones(1))
    fast = jax.jit(jl.augment.Speed(1.1, 1.1))(jax.random.key(0), batch)
    np.testing.assert_allclose(fast.y, [[[1 / 1.1, 2 / 1.1, 0], [0, 0, -1]]], rtol=1e-5)
    for other in (jl.augment.Mixup(), jl.augment.TimeShift()):
        with pytest.raises(jl.InputError, match="got events in time"):
            other(jax.random.key(0), batch)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jl.fit(jl.serial(FRONT, jl.models.linear(2)), TRAIN, key=jax.random.key(0)), "answers once a clip"),
        (lambda: jl.fit(MODEL, TRAIN, jl.data.synthetic(36), key=jax.random.key(0)), "targets of the kind 'class'"),
        (
            lambda: jl.fit(MODEL, replace(TRAIN, targets=0 * TRAIN.targets - 1), key=jax.random.key(0)),
            "expected an event",
        ),
        (lambda: event_detection().loss(np.zeros((1, 5, 2)), np.zeros((1, 1, 3))), "how many seconds a step is"),
        (lambda: event_detection(period=1).loss(np.zeros((1, 2)), np.zeros((1, 1, 3))), "jl.models.event_crnn answers"),
        (lambda: event_detection(period=0), "above 0 seconds"),
        (lambda: detect.event_rule(("a",), threshold={"b": 0.5}), "there is no class 'b'"),
        (lambda: detect.event_rule(("a",), threshold=-1), "0 or more for 'a'"),
    ],
)
def test_what_does_not_go_together_is_refused(call, message):
    with pytest.raises(jl.InputError, match=message):
        call()


def test_thresholds_and_filters_are_those_with_the_best_events():
    truth = np.array([[1.0, 2.0, 0], [3.0, 3.2, 1]])
    said = np.full((50, 3), 0.05)
    said[10:20, 0], said[13, 0], said[40:48, 0] = 0.3, 0.0, 0.2  # a gap, and what stays below
    said[30:32, 1] = 0.9
    rule = detect.choose_rule(("a", "b", "c"), [truth], [said], 0.1)
    assert 0.2 < rule.thresholds[0] <= 0.3
    assert rule.thresholds[1:] == (0.5, 0.5)
    assert [(one.label, one.start, one.end) for one in rule.found(said, 0.1)] == [("a", 1.0, 2.0), ("b", 3.0, 3.2)]


def test_windows_train_and_whole_recordings_validate():
    cut = windows(LONG, 2.0)
    assert len(cut) > 20
    assert jl.data.windows(cut, 2.0).targets.shape == cut.targets.shape
