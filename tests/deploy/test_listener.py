"""`Listener`: what it says does not depend on how the sound comes to it."""

import jax
import numpy as np
import pytest
import soundfile
import soxr

import jaxlisten as jl
from jaxlisten import runs
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
        (np.zeros(100, np.float32), {"sr": 0}, "a sample rate of 1 Hz or more, got sr=0"),
        (np.zeros(100, np.float32), {"sr": -8000}, "got sr=-8000"),
        (np.zeros(1, np.float32), {"sr": 192_000}, "too few to have one at 8000 Hz"),
        ("none.wav", {}, "there is no file 'none.wav'"),
    ],
)
def test_what_can_not_be_heard_is_refused(sound, settings, message, listener):
    with pytest.raises(jl.InputError, match=message):
        listener.predict(sound, **settings)


def test_listener_describes_itself(listener):
    assert repr(listener) == "Listener(3 classes, 8000 Hz: one, zwei, três)"
    assert (listener.classes, listener.sr) == (CLASSES, SR)


def test_listener_exports_itself(listener, tmp_path):
    pytest.importorskip("flatbuffers")
    done = listener.export(tmp_path / "model.stablehlo", clips=CLIPS)
    assert (done.clips, done.difference < 1e-5) == (5, True)
