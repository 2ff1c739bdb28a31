"""Sounds over background, with exact labels."""

import numpy as np
import pytest

from jaxlisten import InputError
from jaxlisten.data import arrays, scene

SR = 8000
RNG = np.random.default_rng(0)
TONES = {name: np.sin(np.arange(SR // 2) * step).astype(np.float32) for name, step in (("low", 0.2), ("high", 1.1))}
CLIPS = arrays([*TONES.values(), 0.1 * RNG.standard_normal(900)], [*TONES, "_silence_"], sr=SR)
RAIN = [RNG.standard_normal(n).astype(np.float32) for n in (3000, 20_000, 7000)]


def test_events_are_where_the_clips_are():
    made = scene(CLIPS, RAIN, seconds=60, gap=(0.5, 1.0), snr_db=(20, 30), seed=1)
    assert made.samples.dtype == np.float32
    assert len(made.samples) == 60 * SR
    assert len(made.events) > 30
    assert {event.label for event in made.events} == set(TONES), "silence is nothing to lay"
    for event, after in zip(made.events, made.events[1:], strict=False):
        inside = made.samples[round(event.start * SR) : round(event.end * SR)]
        assert len(inside) == SR // 2
        assert abs(np.corrcoef(inside, TONES[event.label])[0, 1]) > 0.9
        outside = made.samples[round(event.end * SR) : round(after.start * SR)]
        assert 0.5 <= len(outside) / SR <= 1.0
        assert max(abs(np.corrcoef(outside[: SR // 2], t[: len(outside)])[0, 1]) for t in TONES.values()) < 0.2


def test_sounds_overlap_where_pauses_may_be_negative():
    made = scene(CLIPS, RAIN, seconds=60, gap=(-0.9, 0.1), snr_db=(30, 30), seed=2)
    apart = [after.start - event.start for event, after in zip(made.events, made.events[1:], strict=False)]
    overlapping = [after.start < event.end for event, after in zip(made.events, made.events[1:], strict=False)]
    assert 0.5 < np.mean(overlapping) < 1
    assert min(apart) == pytest.approx(0.1), "a sound begins behind the one before it, however negative the pause"
    event = next(event for event, both in zip(made.events, overlapping, strict=False) if both)
    inside = made.samples[round(event.start * SR) : round(event.end * SR)]
    assert abs(np.corrcoef(inside, TONES[event.label])[0, 1]) > 0.5


def test_clips_stand_above_the_background_by_the_ratio_that_is_asked_for():
    made = scene(CLIPS, RAIN, seconds=60, gap=(0.5, 1.0), snr_db=(20, 20))
    mask = np.zeros(len(made.samples), bool)
    for event in made.events:
        mask[round(event.start * SR) : round(event.end * SR)] = True
    power = [np.mean(np.square(made.samples[where], dtype=np.float64)) for where in (mask, ~mask)]
    assert 10 * np.log10(power[0] / power[1] - 1) == pytest.approx(20, abs=0.6)


def test_background_is_even_where_recordings_meet_and_all_of_them_are_used():
    made = scene(CLIPS, [RAIN[0], 100 * RAIN[1], 0.01 * RAIN[2]], seconds=100, gap=(100, 100))
    assert not made.events
    frames = made.samples.reshape(-1, 400).std(axis=1)[3:]  # it begins softly
    assert frames.max() / frames.min() < 2, "one level, and no hole or bump at the joins"


def test_one_seed_decides_everything():
    first, again, other = (scene(CLIPS, RAIN, seconds=20, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.events == again.events != other.events


def test_nothing_comes_twice_before_all_have_come_once():
    clips = arrays(RNG.standard_normal((7, 400)).astype(np.float32), [f"c{i}" for i in range(7)], sr=SR)
    labels = [event.label for event in scene(clips, RAIN, seconds=9, gap=(0.2, 0.3)).events]
    assert len(labels) >= 21
    assert all(len(set(labels[i : i + 7])) == 7 for i in range(0, len(labels) - 7, 7))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"background": []}, "expected background recordings that can be heard"),
        ({"background": [np.zeros(99)]}, "expected background recordings that can be heard"),
        ({"seconds": 0}, "expected a length above 0"),
        ({"gap": (2, 1)}, "expected gap"),
        ({"snr_db": (2, 1)}, "expected snr_db"),
        ({"clips": arrays(np.ones((2, 9)), ["_silence_", "_silence_"], sr=SR)}, "got background and silence only"),
        ({"clips": arrays(np.ones((2, 9)), [0.5, 1.5], sr=SR)}, "expected clips of one class each, got numbers"),
    ],
)
def test_what_can_not_be_laid_is_refused(settings, said):
    with pytest.raises(InputError, match=said):
        scene(**({"clips": CLIPS, "background": RAIN, "seconds": 5} | settings))
