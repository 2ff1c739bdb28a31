"""Training for streams: what it is given, and that what comes of it finds sounds in a stream."""

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.data import BACKGROUND, Partition, arrays
from jaxlisten.detect import Hearing, detector, listened, score
from jaxlisten.train import for_streams
from tests.train.small import CLASSES, FRONT, SR, TRAIN, VALIDATION, sines

RNG = np.random.default_rng(0)
RAIN = [(0.1 * RNG.standard_normal(SR * 4)).astype(np.float32) for _ in range(3)]
PARTS = Partition(TRAIN, VALIDATION, sines(6, seed=2))


def silent_ends(part, samples=3000):
    ends = np.zeros(samples, np.float32)
    return arrays(
        [np.concatenate([ends, clip, ends]) for clip in part.audio], part.targets.tolist(), sr=SR, classes=CLASSES
    )


def test_nothing_becomes_a_class_and_silence_around_clips_goes():
    made = for_streams(Partition(silent_ends(TRAIN), silent_ends(VALIDATION), None), RAIN)
    train, validation, test = made.parts
    assert train.classes == validation.classes == (*CLASSES, BACKGROUND)
    assert test is None
    assert train.counts.tolist() == [8, 8, 8, 8], "background is as frequent as another class"
    assert max(len(clip) for clip in train.audio[:24]) < 5000
    assert abs(made.window - 2000) < 1500, "a window holds a sound, not the silence around it"
    assert len(made.validation) == len(VALIDATION)


def test_a_class_of_background_that_is_there_is_used():
    classes = (*CLASSES, "_silence_")
    both = [
        arrays([*part.audio, *rain], [*part.targets.tolist(), *[3] * len(rain)], sr=SR, classes=classes)
        for part, rain in ((TRAIN, RAIN[:2]), (VALIDATION, RAIN[2:]))
    ]
    made = for_streams(Partition(*both, None))
    assert made.parts.train.classes == classes
    assert [len(sounds) for sounds in made.background] == [2, 1, 0]


@pytest.mark.parametrize("n", [3, 40])
def test_no_part_hears_the_background_of_another(n):
    beds = [(np.arange(1000) + 10_000 * i).astype(np.float32) + 1 for i in range(n)]
    shares = [set(np.concatenate(sounds).tolist()) for sounds in for_streams(PARTS, beds).background]
    assert all(shares)
    assert sum(map(len, shares)) == len(set.union(*shares))
    assert len(shares[0]) == round(0.8 * n * 1000)


def test_without_background_there_is_noise():
    made = for_streams(PARTS)
    assert all(sound.std() > 0 for sounds in made.background for sound in sounds)


@pytest.mark.parametrize(
    ("parts", "background", "said"),
    [
        (Partition(arrays(np.ones((4, 99)), [0.1, 0.5, 2.0, 1.0], sr=SR), VALIDATION, None), [], "got numbers"),
        (
            Partition(arrays(np.ones((4, 99)), ["_a_", "_b_", "_a_", "_b_"], sr=SR), VALIDATION, None),
            [],
            "every class begins with an underscore",
        ),
        (PARTS, [np.zeros(1000)], "got a recording that is silent all through"),
    ],
)
def test_what_no_detector_can_be_made_of_is_refused(parts, background, said):
    with pytest.raises(jl.InputError, match=said):
        for_streams(parts, background)


def test_training_on_streams_teaches_every_step_and_answers_for_clips():
    model = jl.serial(FRONT, jl.models.cnn1d(4, channels=(8,), causal=True))
    taught = jl.OnStreams(model, 2000)
    params, state = jax.jit(model.init)(jax.random.key(0), np.zeros((1, SR), np.float32))
    x = jl.Padded(np.stack([clip[:1999] for clip in TRAIN.audio[:2]]), np.array([1999, 1000]))
    clip, whole = jax.jit(lambda x: [layer.apply(params, state, x)[0] for layer in (taught, model)])(x)
    np.testing.assert_array_equal(clip, whole)
    layers, key = (taught, jl.streaming(model, 2000)), jax.random.key(1)
    train = jax.jit(lambda x: [layer.apply(params, state, x, key=key, train=True)[0] for layer in layers])
    steps, wanted = train(x)
    np.testing.assert_array_equal(steps.values, wanted.values)
    with pytest.raises(jl.LayerError, match="bidirectional: Bidirectional: expected a layer with a streaming form"):
        jl.OnStreams(jl.serial(FRONT, jl.Bidirectional(jl.LSTM(3)), jl.GlobalPool()), 2000)


@pytest.mark.slow
def test_a_trained_detector_finds_sounds_of_a_scene(optimizations):
    made = for_streams(PARTS, RAIN)
    model = jl.serial(FRONT, jl.models.cnn1d(4, channels=(16,), causal=True))
    with optimizations():
        fitted = jl.fit(
            made.model(model),
            made.parts.train,
            made.parts.validation,
            augment=made.augment(model),
            epochs=100,
            batch_size=8,
            key=jax.random.key(0),
            progress=False,
        )
        assert fitted.longest == made.window
        scene = jl.data.scene(sines(9, seed=5), RAIN, seconds=60, gap=(1, 5), snr_db=(10, 20), seed=1)
        heard = listened(Hearing(fitted), "scene", [scene.samples], scene.events)
    result = score([heard], detector(fitted.classes, threshold=0.5))
    assert result.events > 10
    assert result.miss_rate <= 0.4
    assert result.false_alarms <= 0.3 * result.events
