"""`Listener`: what it says does not depend on how the sound comes to it."""

import collections
import gc
import itertools
import tracemalloc
from dataclasses import replace

import jax
import numpy as np
import pytest
import soundfile
import soxr

import jaxlisten as jl
from jaxlisten import runs
from jaxlisten.deploy import listener as module
from tests.deploy.speech import CLASSES, SR, logits, speech, trained

CLIPS = speech()


@pytest.fixture(scope="module")
def fitted():
    model, params, state = trained("cnn1d")
    return runs.Fitted(model, params, state, jl.tasks.find("classification"), CLASSES, SR, (1000,))


@pytest.fixture(scope="module")
def listener(fitted):
    return jl.Listener(fitted)


def alone(clip) -> np.ndarray:
    """Return our probabilities for a clip by itself, without padding."""
    return np.asarray(jax.nn.softmax(logits(*trained("cnn1d"), clip[None]))[0])


@pytest.mark.parametrize("n", [1, 80, 700, 2000])
def test_short_clip_is_heard_whole(n, listener):
    np.testing.assert_allclose(listener.probabilities(CLIPS[0][:n]), alone(CLIPS[0][:n]), atol=1e-5)


@pytest.mark.parametrize("n", [2001, 2500, 3999, 3400])
def test_long_clip_is_the_mean_of_half_overlapping_windows(n, listener):
    clip = CLIPS[0][:n]
    starts = [*range(0, n - 1000, 500), n - 1000]
    wanted = np.mean([alone(clip[start : start + 1000]) for start in starts], axis=0)
    np.testing.assert_allclose(listener.probabilities(clip), wanted, atol=1e-5)


def test_very_long_clip_takes_several_batches(listener):
    clip = np.tile(CLIPS[0], 5)
    starts = [*range(0, len(clip) - 1000, 500), len(clip) - 1000]
    assert len(starts) > 32
    wanted = np.mean([alone(clip[start : start + 1000]) for start in starts], axis=0)
    np.testing.assert_allclose(listener.probabilities(clip), wanted, atol=1e-5)


def test_prediction_names_every_class_the_most_probable_first(listener):
    said = listener.predict(CLIPS[2])
    probabilities = listener.probabilities(CLIPS[2])
    assert said.label == CLASSES[probabilities.argmax()]
    assert said.probability == said.top[0][1] == pytest.approx(probabilities.max())
    assert sorted(label for label, _ in said.top) == sorted(CLASSES)
    assert [p for _, p in said.top] == sorted((p for _, p in said.top), reverse=True)
    assert sum(p for _, p in said.top) == pytest.approx(1, abs=1e-5)


def test_file_and_its_samples_are_heard_alike(listener, tmp_path):
    soundfile.write(tmp_path / "a.wav", CLIPS[1], SR, subtype="FLOAT")
    assert (
        listener.predict(tmp_path / "a.wav") == listener.predict(CLIPS[1]) == listener.predict(str(tmp_path / "a.wav"))
    )


@pytest.mark.parametrize("sr", [4000, 22_050, 192_000])
def test_other_rates_are_resampled_the_same_from_file_and_memory(sr, listener, tmp_path):
    clip = soxr.resample(CLIPS[1], SR, sr)
    soundfile.write(tmp_path / "a.wav", clip, sr, subtype="FLOAT")
    assert listener.predict(clip, sr=sr) == listener.predict(tmp_path / "a.wav")


def test_predict_equals_evaluate(listener, fitted):
    data = jl.data.arrays(CLIPS, ["one", "zwei", "one", "zwei", "one"], sr=SR, classes=["zwei", "one"])
    report = jl.evaluate(listener, data)
    for clip, probabilities in zip(CLIPS, report.probabilities, strict=True):
        if len(clip) <= 2 * fitted.longest:
            np.testing.assert_allclose(listener.probabilities(clip), probabilities, atol=1e-5)


def test_double_precision_is_welcome(listener):
    assert listener.predict(CLIPS[3].astype(np.float64)) == listener.predict(CLIPS[3])


@pytest.mark.parametrize(
    ("sound", "settings", "message"),
    [
        (np.zeros(0, np.float32), {}, r"got float32 \[0\]"),
        (np.zeros((2, 100), np.float32), {}, r"got float32 \[2, 100\]: average the channels"),
        (np.zeros(100, np.int16), {}, "divide 16-bit integers by 32768"),
        (np.array(["a"]), {}, "expected floating-point samples"),
        (np.full(100, np.nan, np.float32), {}, "NaN or infinite"),
        (np.full(100, np.inf), {}, "NaN or infinite"),
        (np.full(100, 1e30), {}, "or beyond 1e.12"),
        (np.zeros(100, np.float32), {"sr": 0}, "a sample rate of 1 Hz or more, got sr=0"),
        (np.zeros(100, np.float32), {"sr": -8000}, "got sr=-8000"),
        (np.zeros(1, np.float32), {"sr": 192_000}, "too few to have one at 8000 Hz"),
        ("none.wav", {}, "there is no file 'none.wav'"),
    ],
)
def test_what_can_not_be_heard_is_refused(sound, settings, message, listener):
    with pytest.raises(jl.InputError, match=message):
        listener.predict(sound, **settings)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Files of many lengths, short and long, at two rates, and one that is damaged."""
    folder = tmp_path_factory.mktemp("many")
    lengths = [1, 90, 4000, 700, 1999, 2001, 31, 1000, 1001, 3999, 2500, 501, 250, 8000] * 3
    for i, n in enumerate(lengths):
        samples = np.roll(np.tile(CLIPS[i % 3], 3), i)[:n]
        soundfile.write(folder / f"{i:02}.wav", samples, (SR, 11_025)[i % 5 == 4], subtype="FLOAT")
    (folder / "20.wav").write_bytes(b"")
    return sorted(folder.iterdir())


def test_many_at_once_are_heard_as_each_alone(many, listener):
    pairs = list(listener.predict_many(many))
    assert [path for path, _ in pairs] == many
    for path, said in pairs:
        if path.name == "20.wav":
            assert isinstance(said, jl.InputError)
            assert "20.wav' is empty (0 bytes)" in str(said)
            continue
        found, wanted = dict(said.top), dict(listener.predict(path).top)
        np.testing.assert_allclose([found[name] for name in CLASSES], [wanted[name] for name in CLASSES], atol=1e-6)


def test_many_takes_samples_and_whatever_can_be_asked_for_one_by_one(listener):
    clips = (clip for clip in CLIPS)
    assert [said.label for _, said in listener.predict_many(clips)] == [listener.predict(clip).label for clip in CLIPS]
    ((sound, said),) = listener.predict_many([CLIPS[1]], sr=4000)
    assert sound is CLIPS[1]
    assert said == listener.predict(CLIPS[1], sr=4000)
    assert list(listener.predict_many([])) == []
    endless = listener.predict_many(itertools.repeat(CLIPS[3]))
    assert next(endless)[1].label == listener.predict(CLIPS[3]).label
    endless.close()
    with pytest.raises(jl.InputError, match="expected several recordings, got 'a.wav'"):
        listener.predict_many("a.wav")


def test_many_of_any_length_take_a_handful_of_shapes(fitted, many):
    shapes = set()

    def step(params, state, x):
        shapes.add(x.values.shape)
        return np.zeros((len(x.values), len(CLASSES)), np.float32)

    listener = jl.Listener(fitted)
    listener._step = step
    list(listener.predict_many(many * 3))
    assert {length for _, length in shapes} <= {1000, 2000}
    for clip in CLIPS:
        listener.predict(clip)
    assert len(shapes) <= 4


@pytest.mark.parametrize("n", [2001, 2500, 20_000])
@pytest.mark.parametrize("sr", [SR, 11_025])
def test_long_file_is_heard_as_its_samples_piece_by_piece(n, sr, listener, tmp_path):
    clip = np.tile(CLIPS[0], 8)[:n]
    soundfile.write(tmp_path / "a.flac", clip, sr)
    samples, _ = jl.data.read(tmp_path / "a.flac", sr=SR)
    assert listener.predict(tmp_path / "a.flac") == listener.predict(samples)
    windows = list(listener.windows(tmp_path / "a.flac"))
    assert windows == list(listener.windows(samples))
    assert windows[-1].end == len(samples) / SR
    if len(samples) > 2000:
        assert [round(window.start * SR) for window in windows] == [
            *range(0, len(samples) - 1000, 500),
            len(samples) - 1000,
        ]
        assert {round((window.end - window.start) * SR) for window in windows} == {1000}
    for name in CLASSES:
        mean = np.mean([dict(window.said.top)[name] for window in windows])
        assert dict(listener.predict(samples).top)[name] == pytest.approx(mean, abs=1e-6)


def test_windows_of_a_damaged_file_are_told_up_to_the_bad_place(listener, tmp_path):
    soundfile.write(tmp_path / "whole.flac", np.tile(CLIPS[0], 100), SR)
    content = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    told = []
    with pytest.raises(jl.InputError, match="a.flac' is damaged or cut short"):
        collections.deque(map(told.append, listener.windows(tmp_path / "a.flac")))
    assert told[-1].end > 0.3 * 50
    whole = jl.data.read(tmp_path / "whole.flac")[0]
    assert told == list(itertools.islice(listener.windows(whole), len(told)))
    with pytest.raises(jl.InputError, match="a.flac' is damaged or cut short"):
        listener.predict(tmp_path / "a.flac")


def test_listener_of_features_hears_no_sound(fitted):
    listener = jl.Listener(replace(fitted, sr=0, item=(10, 4)))
    for ask in (listener.predict, listener.windows, lambda sound: listener.predict_many([sound])):
        with pytest.raises(jl.InputError, match="trained on features, not on sound"):
            ask("a.wav")


@pytest.mark.wide
def test_listening_on_and_on_takes_no_more_memory(fitted, tmp_path):
    listener = jl.Listener(replace(fitted, item=(SR,)))
    soundfile.write(tmp_path / "long.wav", np.tile(CLIPS[0], 2 * 1200)[: 1200 * SR], SR)
    clip = np.tile(CLIPS[1], 5)

    def listen(calls: int) -> None:
        for i in range(calls):
            listener.predict(clip[: 1 + 53 * i])
        assert listener.predict(tmp_path / "long.wav").label in CLASSES

    listen(300)
    gc.collect()  # what other tests left
    shapes, arrays = module.probabilities._cache_size(), len(jax.live_arrays())
    tracemalloc.start()
    listen(300)
    gc.collect()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert module.probabilities._cache_size() == shapes
    assert len(jax.live_arrays()) <= arrays
    assert kept < 0.2e6
    assert peak < 0.3 * 4 * 1200 * SR


def test_listener_describes_itself(listener):
    assert repr(listener) == "Listener(3 classes, 8000 Hz: one, zwei, três)"
    assert (listener.classes, listener.sr) == (CLASSES, SR)


def test_listener_exports_itself(listener, tmp_path):
    pytest.importorskip("flatbuffers")
    done = listener.export(tmp_path / "model.stablehlo", clips=CLIPS)
    assert (done.clips, done.difference < 1e-5) == (5, True)
