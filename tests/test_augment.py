"""Augmentation: each one does what it says to each clip, whatever stands behind its end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.augment import Background, Chain, Gain, Mixup, Noise, Recordings, Speed, TimeShift, Views
from jaxlisten.types import Batch, Padded

SR = 8000
LENGTHS = np.array([900, 1200, 411, 0], np.int32)
HUM = Recordings([np.sin(np.arange(5000, dtype=np.float32))])
ALL = [
    Gain(-6.0, 6.0),
    Noise(share=1.0),
    Background(HUM, share=1.0),
    TimeShift(0.3),
    Speed(),
    Mixup(0.4, classes=3),
    Chain((Speed(0.9, 1.1), Noise(), Gain(), Mixup(0.4, classes=3))),
]
EACH = pytest.mark.parametrize("augment", ALL, ids=[type(a).__name__ for a in ALL])


def batch(junk=0.0) -> Batch:
    rng = np.random.default_rng(0)
    x = 0.1 * rng.standard_normal((4, 1200), np.float32) * np.array([[1.0], [3.0], [0.2], [1.0]], np.float32)
    x = np.where(np.arange(1200) < LENGTHS[:, None], x, np.float32(junk))
    return Batch(Padded(jnp.array(x), jnp.array(LENGTHS)), jnp.array([0, 2, 1, 0]), jnp.array([1.0, 1.0, 1.0, 0.0]))


def clips(b: Batch) -> list[np.ndarray]:
    return [np.asarray(v)[:n] for v, n in zip(b.x.values, b.x.length, strict=True)]


def run(augment, b: Batch, seed: int = 0) -> Batch:
    return jax.jit(augment)(jax.random.key(seed), b)


@EACH
def test_what_stands_behind_the_end_of_a_clip_has_no_effect(augment):
    clean, junk = run(augment, batch()), run(augment, batch(np.nan))
    for a, b in zip(clips(clean), clips(junk), strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.isfinite(a).all()
    assert clean.x.length[3] == 0, "an absent item stays absent"


@EACH
def test_equal_keys_change_equally_and_others_differently(augment):
    first, again, other = (run(augment, batch(), seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(clips(first), clips(again), strict=True))
    assert any(a.shape != b.shape or (a != b).any() for a, b in zip(clips(first), clips(other), strict=True))


@EACH
def test_a_plain_array_is_a_batch_of_whole_clips(augment):
    b = batch()
    whole = b._replace(x=Padded(b.x.values, jnp.full(4, 1200)), weight=jnp.ones(4))
    plain, padded = run(augment, whole._replace(x=b.x.values)), run(augment, whole)
    values = plain.x.values if isinstance(plain.x, Padded) else plain.x
    np.testing.assert_allclose(values, padded.x.values, rtol=1e-6, atol=1e-7)


@EACH
def test_anything_but_raw_sound_is_refused(augment):
    for x in (jnp.zeros((4, 10, 3)), jnp.zeros((4, 10), jnp.int16)):
        with pytest.raises(jl.InputError, match=r"expected a batch of raw sound, x \[batch, time\], got"):
            augment(jax.random.key(0), batch()._replace(x=x))


def test_gain_is_one_factor_a_clip_within_its_range():
    got, had = clips(run(Gain(-6.0, 6.0), batch())), clips(batch())
    factors = [a[1] / b[1] for a, b in zip(got[:3], had[:3], strict=True)]
    for a, b, factor in zip(got, had, [*factors, 1], strict=True):
        np.testing.assert_allclose(a, b * factor, rtol=1e-5)
    assert (np.abs(20 * np.log10(factors)) <= 6.001).all()
    assert np.ptp(factors) > 0.01


@pytest.mark.parametrize("kind", [Noise, lambda **settings: Background(HUM, **settings)])
def test_what_is_added_lies_as_far_below_the_clip_as_was_drawn(kind):
    got, had = clips(run(kind(snr_db=(9.0, 11.0), share=1.0), batch())), clips(batch())
    for a, b in zip(got[:3], had[:3], strict=True):
        ratio = 10 * np.log10(np.mean(b**2) / np.mean((a - b) ** 2))
        assert 8 < ratio < 12  # a cut of noise is a little louder or softer than noise as such
    unchanged = clips(run(kind(share=0.0), batch()))
    assert all(np.array_equal(a, b) for a, b in zip(unchanged, had, strict=True))


def test_noise_differs_from_clip_to_clip():
    b = batch()
    same = b._replace(x=Padded(jnp.tile(b.x.values[:1], (4, 1)), jnp.full(4, 900)))
    added = np.asarray(run(Noise(share=1.0), same).x.values - same.x.values)[:, :900]
    assert (np.abs(np.corrcoef(added) - np.eye(4)) < 0.3).all()


def test_a_shift_moves_a_clip_as_a_whole_and_brings_in_silence():
    for got, had in zip(clips(run(TimeShift(0.3), batch())), clips(batch()), strict=True):
        shifts = range(-int(0.3 * len(had)) - 1, int(0.3 * len(had)) + 2)
        expected = [np.concatenate([np.zeros(max(s, 0)), had, np.zeros(max(-s, 0))]) for s in shifts]
        cut = [e[max(-s, 0) :][: len(had)] for s, e in zip(shifts, expected, strict=True)]
        assert any(np.array_equal(got, e.astype(np.float32)) for e in cut)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_speed_moves_the_pitch_and_the_length(factor):
    t = np.arange(1200) / SR
    x = np.stack([np.sin(2 * np.pi * hertz * t) for hertz in (200, 500)]).astype(np.float32)
    b = Batch(Padded(jnp.array(x), jnp.array([800, 1200])), jnp.zeros(2, int), jnp.ones(2))
    got = clips(run(Speed(factor, factor), b))
    assert [len(g) for g in got] == [int(800 / factor), min(1200, int(1200 / factor))]
    for clip, hertz in zip(got, (200, 500), strict=True):
        want = np.sin(2 * np.pi * hertz * factor * t[: len(clip)])
        np.testing.assert_allclose(clip[2:-4], want[2:-4], atol=0.02)


def test_mixup_mixes_clips_and_targets_in_one_proportion():
    b, got = batch(), run(Mixup(0.9, classes=3), batch())
    part = np.asarray(got.y)[[0, 1, 2], [0, 2, 1]]
    np.testing.assert_allclose(got.y.sum(1), 1.0, rtol=1e-6)
    assert part[0] == 1.0, "its neighbour is absent"
    assert ((part[1:] >= 0.5) & (part[1:] < 1)).all()
    x, n = np.asarray(b.x.values), LENGTHS
    level = [np.sqrt(np.mean(x[i, : n[i]] ** 2)) for i in range(3)]
    for i in (1, 2):
        want = part[i] * x[i] + (1 - part[i]) * x[i - 1] * level[i] / level[i - 1]
        assert got.x.length[i] == max(n[i], n[i - 1])
        np.testing.assert_allclose(clips(got)[i], want[: got.x.length[i]], rtol=1e-4, atol=1e-6)


def test_mixup_of_numbers_and_labels_needs_no_classes():
    numbers = batch()._replace(y=jnp.array([1.0, 2.0, 3.0, 0.0]))
    labels = batch()._replace(y=jnp.array([[0, 1], [1, 1], [0, 0], [1, 0]], jnp.int8))
    assert run(Mixup(), numbers).y.shape == (4,)
    assert run(Mixup(), labels).y.dtype == jnp.float32
    with pytest.raises(jl.InputError, match="say how many classes"):
        Mixup()(jax.random.key(0), batch())


@pytest.mark.wide
def test_augmented_training_learns_and_repeats():
    clips_ = jl.data.synthetic(60)
    model = jl.serial(jl.LogMel(8000, n_fft=256, hop_length=200, n_mels=16), jl.models.mlp(6, units=(16,)))
    chain = Chain((Speed(), Noise(), Mixup(0.3, classes=6)))

    def trained():
        with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
            return jl.fit(model, clips_, key=jax.random.key(0), epochs=4, augment=chain, average=0.9, progress=False)

    first, again = trained(), trained()
    assert first.history[-1]["train_loss"] < first.history[0]["train_loss"]
    for a, b in zip(jax.tree.leaves(first.params), jax.tree.leaves(again.params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Gain(3.0, -3.0), "low_db no higher than high_db"),
        (lambda: Noise(snr_db=(40.0, 5.0)), "snr_db as a pair"),
        (lambda: Noise(share=1.5), "share from 0 to 1"),
        (lambda: Speed(0.0, 1.0), "above 0"),
        (lambda: Mixup(0.0), "alpha above 0"),
        (lambda: TimeShift(-0.1), "share from 0 to 1"),
        (lambda: Recordings([]), "not all of them silent"),
    ],
)
def test_bad_settings_are_refused(make, says):
    with pytest.raises(jl.InputError, match=says):
        make()


def test_views_are_two_pieces_of_each_clip_wherever_they_fit():
    b = batch(np.nan)
    pieces = [run(Views((0.3, 0.6), vary=None), b, seed).x for seed in range(20)]
    found = {"begin": [], "share": []}
    for k, clip in enumerate(clips(b)[:3]):
        for one in pieces:
            for half in (0, 1):
                length = int(one.length[k, half])
                piece = np.asarray(one.values)[k, half, :length]
                (begin,) = np.flatnonzero(clip[: len(clip) - length + 1] == piece[0])
                np.testing.assert_array_equal(piece, clip[begin : begin + length])
                found["begin"].append(begin / (len(clip) - length))
                found["share"].append(length / len(clip))
    assert 0.3 <= min(found["share"]) < 0.35
    assert 0.55 < max(found["share"]) <= 0.61
    assert min(found["begin"]) < 0.1
    assert max(found["begin"]) > 0.9
    assert all((one.length[3] == 0).all() for one in pieces), "an absent item stays absent"
    assert np.mean([(one.length[:3, 0] != one.length[:3, 1]).mean() for one in pieces]) > 0.9


def test_views_are_varied_each_on_its_own_and_targets_stay():
    b = batch()
    same = run(Views((1.0, 1.0), vary=None), b).x
    np.testing.assert_array_equal(same.values[:, 0], same.values[:, 1])
    louder = run(Views((1.0, 1.0), vary=Gain(-6.0, 6.0)), b)
    factor = np.asarray(louder.x.values)[:3, :, 50] / np.asarray(b.x.values)[:3, None, 50]
    assert len(np.unique(factor.round(5))) == 6
    np.testing.assert_array_equal(louder.y, b.y)
    np.testing.assert_array_equal(louder.weight, b.weight)


@pytest.mark.parametrize("share", [(0.0, 1.0), (0.5, 1.5), (0.8, 0.5)])
def test_views_refuse_pieces_that_are_no_part_of_a_clip(share):
    with pytest.raises(jl.InputError, match="share"):
        Views(share)
