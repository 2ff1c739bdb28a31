"""Pictures: what they show equals librosa's and scikit-learn's numbers, on the axes that are given."""

import dataclasses

import jax
import librosa
import matplotlib.colors
import numpy as np
import pytest
from matplotlib.figure import Figure

import jaxlisten as jl
from jaxlisten.errors import InputError
from jaxlisten.evaluate.plot.sound import RANGE_DB

SR = 8000
RNG = np.random.default_rng(0)
N = 200
TARGETS = np.arange(N) % 8
SAID = RNG.dirichlet(np.ones(8), N) + 0.3 * np.eye(8)[TARGETS]
NAMES = ("_silence_", "$a$", "cat", "dog", "owl", "cow", "rain", "鳥")
REPORT = jl.Report(NAMES, TARGETS, SAID / SAID.sum(axis=1, keepdims=True), tuple(map(str, range(N))))


SETTINGS = {"sr": SR, "n_fft": 256, "hop_length": 80, "n_mels": 32}


def of(k):
    return np.equal(TARGETS, k)


def axes(width=6.4):
    return Figure(figsize=(width, 4.8)).add_subplot()


def clip(seconds):
    t = np.arange(int(seconds * SR)) / SR
    return (0.3 * np.sin(2 * np.pi * (300 + 800 * t) * t) + 0.01 * RNG.standard_normal(len(t))).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.07, 1.7])
def test_the_spectrogram_has_the_levels_of_librosa(seconds):
    y = clip(seconds)
    mel = librosa.feature.melspectrogram(
        y=y, sr=SR, n_fft=512, win_length=200, hop_length=80, n_mels=64, pad_mode="constant"
    )
    levels = librosa.power_to_db(mel, top_db=RANGE_DB)
    (image,) = jl.plot.spectrogram(y, SR, ax=axes()).images
    np.testing.assert_allclose(image.get_array(), levels, atol=2e-3)
    assert image.get_clim() == pytest.approx((levels.max() - RANGE_DB, levels.max()), abs=2e-3)


def test_a_long_spectrogram_is_averaged_in_power_to_the_pixels_that_there_are():
    y = clip(4)
    (image,) = (ax := jl.plot.spectrogram(y, SR, ax=axes(1.0))).images
    columns = image.get_array().shape[1]
    assert columns == int(ax.get_window_extent().width) < 401
    power = librosa.feature.melspectrogram(
        y=y, sr=SR, n_fft=512, win_length=200, hop_length=80, n_mels=64, pad_mode="constant"
    )
    first = power[:, : 401 // columns].mean(axis=1)
    np.testing.assert_allclose(image.get_array()[:, 0], 10 * np.log10(first), atol=2e-3)


def test_the_axes_of_a_spectrogram_are_seconds_and_mel_spaced_frequencies():
    ax = jl.plot.spectrogram(clip(0.8), SR, ax=axes())
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xlim()) == ("time (s)", "frequency (kHz)", (0, 0.8))
    centres = librosa.mel_frequencies(66, fmin=0, fmax=SR / 2)[1:-1]
    for tick, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True):
        k = int(np.floor(tick))
        assert centres[k] <= 1000 * float(label.get_text()) <= centres[k + 1]


def test_a_front_end_is_drawn_as_the_model_sees_it():
    y = clip(0.3)
    layer = jl.LogMel(**SETTINGS)
    seen = librosa.power_to_db(librosa.feature.melspectrogram(y=y, **SETTINGS, pad_mode="constant"), top_db=None)
    ax = jl.plot.spectrogram(y, SR, layer, ax=axes())
    assert ax.get_ylabel() == "frequency (kHz)"
    np.testing.assert_allclose(ax.images[0].get_array(), seen, atol=2e-3)
    ax = jl.plot.spectrogram(y, SR, jl.MFCC(**SETTINGS, n_mfcc=13), ax=axes())
    assert ax.get_ylabel() == "coefficient"
    bank = jl.FilterBank(SR, 4, stride=8)
    params, _ = bank.init(jax.random.key(0), jax.ShapeDtypeStruct((800,), np.float32))
    high = jax.tree.map(lambda leaf: leaf + 0.5, params)
    pictures = [jl.plot.spectrogram(y, SR, bank, p, ax=axes()) for p in (None, params, high)]
    arrays = [np.asarray(ax.images[0].get_array()) for ax in pictures]
    np.testing.assert_array_equal(arrays[0], arrays[1])
    assert np.abs(arrays[0] - arrays[2]).max() > 1
    with pytest.raises(InputError, match=r"makes \[frames, channel\] of a clip, Serial"):
        jl.plot.spectrogram(y, SR, jl.serial(layer, jl.GlobalPool()), ax=axes())


@pytest.mark.parametrize("draw", [jl.plot.waveform, jl.plot.spectrogram])
def test_what_is_no_clip_is_refused(draw):
    for bad, why in ((np.zeros((2, 10)), "one clip"), (np.zeros(0), "one clip"), (np.full(9, np.nan), "finite")):
        with pytest.raises(InputError, match=why):
            draw(bad, SR, ax=axes())
    with pytest.raises(InputError, match="sample rate"):
        draw(np.zeros(9), 0, ax=axes())


def test_a_waveform_shows_every_sample_or_the_range_of_each_pixel():
    y = clip(0.05)
    (line,) = jl.plot.waveform(y, SR, ax=axes()).lines
    np.testing.assert_array_equal(line.get_ydata(), y)
    np.testing.assert_allclose(line.get_xdata(), np.arange(len(y)) / SR)
    y = clip(3)
    ax = jl.plot.waveform(y, SR, ax=axes(1.0))
    corners = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (corners.min(), corners.max()) == (y.min(), y.max())
    assert ax.get_xlim() == (0, 3)


def test_filters_are_those_of_the_front_end():
    layer = jl.LogMel(SR, n_fft=256, n_mels=12)
    weights = librosa.filters.mel(sr=SR, n_fft=256, n_mels=12)
    ax = jl.plot.filters(jl.serial(jl.AutoGain(5), layer, jl.GlobalPool()), ax=axes())
    for line, row in zip(ax.lines, weights, strict=True):
        np.testing.assert_allclose(line.get_xdata(), np.linspace(0, SR / 2000, 129))
        np.testing.assert_allclose(line.get_ydata(), row / row.max(), atol=1e-6)
    with pytest.raises(InputError, match="front end with mel bands"):
        jl.plot.filters(jl.Dense(3), ax=axes())


def test_learned_filters_peak_where_they_say_and_are_those_that_were_fitted():
    bank = jl.FilterBank(SR, 8)
    params, _ = bank.init(jax.random.key(0), jax.ShapeDtypeStruct((800,), np.float32))
    params = {**params, "centre_logit": params["centre_logit"] + 0.3}
    centres = np.asarray(bank.frequencies(params)[0])
    model = jl.serial(bank=bank, pool=jl.GlobalPool())
    fitted = jl.Fitted(model, {"bank": params}, {}, jl.tasks.find("classification"), tuple("abcdefgh"), SR, (800,))
    held = dataclasses.replace(fitted, model=jl.Frozen(model), params={}, state={"params": {"bank": params}})
    for one in (fitted, held):
        peaks = [line.get_xdata()[np.argmax(line.get_ydata())] for line in jl.plot.filters(one, ax=axes()).lines]
        np.testing.assert_allclose(peaks, np.sort(centres) / 1000, atol=0.02)


def test_a_convolution_of_samples_is_shown_with_its_impulse_and_frequency_responses():
    taps = np.arange(40)
    tones = [np.hanning(40) * np.cos(2 * np.pi * hz / SR * taps) * np.exp(-taps / 30) for hz in (2500, 400, 1200)]
    model = jl.serial(raw=jl.Raw(), norm=jl.Normalize(), conv=jl.Conv1D(3, 40), pool=jl.GlobalPool())
    params = {"conv": {"kernel": np.stack(tones, axis=1)[::-1, None]}}
    fitted = jl.Fitted(model, params, {}, jl.tasks.find("classification"), tuple("abc"), SR, (800,))
    impulses = jl.plot.impulse_responses(fitted, ax=axes())
    for row, (line, tone) in enumerate(zip(impulses.lines, (tones[1], tones[2], tones[0]), strict=True), start=1):
        np.testing.assert_allclose(line.get_ydata() - row, tone / np.abs(tone).max() / 2, atol=1e-6)
        np.testing.assert_allclose(line.get_xdata(), 1000 * taps / SR)
    (image,) = jl.plot.filters(fitted, ax=axes()).images
    levels = np.asarray(image.get_array())
    spectrum = np.abs(np.fft.rfft(tones[1], 2 * (levels.shape[1] - 1)))
    np.testing.assert_allclose(levels[0], np.maximum(20 * np.log10(spectrum / spectrum.max()), -30), atol=1e-4)
    peaks = levels.argmax(axis=1) * SR / 2 / (levels.shape[1] - 1)
    np.testing.assert_allclose(peaks, [400, 1200, 2500], atol=20)
    bank = jl.plot.impulse_responses(jl.FilterBank(SR, 8), ax=axes())
    assert len(bank.lines) == 8
    with pytest.raises(InputError, match="filters on samples, got mel bands"):
        jl.plot.impulse_responses(jl.LogMel(SR), ax=axes())
    with pytest.raises(InputError, match="begins with a convolution of samples, got Serial"):
        jl.plot.filters(model, params, ax=axes())


def test_a_confusion_matrix_shows_shares_and_counts():
    ax = jl.plot.confusion(REPORT, ax=axes())
    np.testing.assert_allclose(ax.images[0].get_array().sum(axis=1), 1)
    assert sorted(int(text.get_text()) for text in ax.texts) == sorted(REPORT.confusion[REPORT.confusion > 0])
    assert [label.get_text() for label in ax.get_yticklabels()][:3] == ["_silence_", r"\$a\$", "cat"]
    assert jl.plot.confusion(np.eye(30, dtype=int), ax=axes()).texts[:] == []
    with pytest.raises(InputError, match="expected 2 classes"):
        jl.plot.confusion(np.eye(2), ["a"], ax=axes())
    with pytest.raises(InputError, match="labels and numbers have none"):
        jl.plot.confusion(np.zeros(3), ax=axes())


def test_curves_show_the_history_and_mark_the_best_epoch():
    rows = [{"train_loss": 1.0, "val_loss": 0.9, "val_map": 0.1}, {"train_loss": 0.5, "val_loss": 0.4, "val_map": 0.3}]
    assert jl.plot.metrics_in(rows) == ["loss", "map"]
    report = dataclasses.replace(REPORT, history=tuple(rows), best_epoch=2)
    ax = jl.plot.curves(report, ax=axes())
    drawn = {line.get_label(): line for line in ax.lines}
    assert drawn["training"].get_xydata().tolist() == [[1, 1.0], [2, 0.5]]
    assert drawn["validation"].get_xydata().tolist() == [[1, 0.9], [2, 0.4]]
    assert list(ax.lines[0].get_xdata()) == [2, 2]
    assert jl.plot.curves(rows, "map", ax=axes()).get_title() == "Mean average precision"
    with pytest.raises(InputError, match="has loss, map, got 'accuracy'"):
        jl.plot.curves(rows, "accuracy", ax=axes())


def test_roc_curves_are_those_of_scikit_learn_with_the_worst_first():
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

    areas = np.array([roc_auc_score(of(k), REPORT.probabilities[:, k]) for k in range(8)])
    worst = np.argsort(areas, kind="stable")[:5]
    ax = jl.plot.roc(REPORT, ax=axes())
    *drawn, mean = ax.lines[1:]
    labels = [entry.get_text() for entry in ax.get_legend().get_texts()]
    assert len(drawn) == 5
    for line, label, k in zip(drawn, labels[:-1], worst, strict=True):
        x, y, _ = roc_curve(of(k), REPORT.probabilities[:, k])
        np.testing.assert_allclose(line.get_xydata(), np.stack([x, y], 1))
        assert label.startswith("‘")
        assert label.endswith(f"’ {areas[k]:.3f}")
    assert labels[-1] == f"mean of all 8 {areas.mean():.3f}"
    assert auc(mean.get_xdata(), mean.get_ydata()) == pytest.approx(areas.mean(), abs=1e-3)

    ax = jl.plot.precision_recall(REPORT, ax=axes())
    areas = [average_precision_score(of(k), REPORT.probabilities[:, k]) for k in range(8)]
    k = int(np.argmin(areas))
    assert ax.get_legend().get_texts()[0].get_text().endswith(f"{areas[k]:.3f}")
    precision, recall, _ = precision_recall_curve(of(k), REPORT.probabilities[:, k], drop_intermediate=True)
    np.testing.assert_allclose(ax.lines[0].get_xdata(), recall[::-1])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), precision[::-1])


def test_a_roc_ends_where_every_class_is_found():
    good = np.full((100, 2), 0.5)
    good[:, 0] = np.linspace(1, 0, 100)
    targets = np.arange(100) >= 50
    report = jl.LabelReport(("a", "b"), np.stack([~targets, targets], 1), good * [1, 0] + [0, 0.5], ("x",) * 100)
    assert jl.plot.roc(report, ax=axes()).get_title() == "ROC"
    sharp = jl.LabelReport(("a",), ~targets[:, None], good[:, :1], ("x",) * 100)
    assert jl.plot.roc(sharp, ax=axes()).get_title() == "ROC, up to 1% false alarms"


def test_calibration_dots_are_those_of_scikit_learn():
    from sklearn.calibration import calibration_curve

    right, said = REPORT.predictions == TARGETS, REPORT.probabilities.max(axis=1)
    true, confidence = calibration_curve(right, said, n_bins=15, strategy="uniform")
    dots = jl.plot.calibration(REPORT, ax=axes()).collections[-1].get_offsets()
    np.testing.assert_allclose(dots, np.stack([confidence, true], 1), atol=1e-6)


def test_numbers_are_drawn_against_the_truth():
    truth = RNG.normal(size=(9, 2))
    report = jl.NumberReport(("a", "b"), truth, truth + 1, tuple("abcdefghi"))
    dots = jl.plot.numbers(report, "b", ax=axes()).collections[0].get_offsets()
    np.testing.assert_allclose(dots, np.stack([truth[:, 1], truth[:, 1] + 1], 1))
    with pytest.raises(InputError, match="no number 'c'; there is a, b"):
        jl.plot.numbers(report, "c", ax=axes())
    for draw in (jl.plot.roc, jl.plot.precision_recall, jl.plot.calibration, jl.plot.confusion):
        with pytest.raises(InputError):
            draw(report, ax=axes())
    with pytest.raises(InputError, match="report of numbers"):
        jl.plot.numbers(REPORT, ax=axes())


def test_without_axes_a_new_figure_of_pyplot_is_drawn_on():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    ax = jl.plot.spectrogram(clip(0.2), SR)
    assert len(plt.get_fignums()) == len(before) + 1
    assert [other.get_ylabel() for other in ax.figure.axes if other is not ax] == ["level (dB)"]
    given = axes()
    assert jl.plot.roc(REPORT, ax=given) is given
    assert len(plt.get_fignums()) == len(before) + 1
    plt.close(ax.figure)


@pytest.fixture(scope="module")
def clouds():
    return jl.classical.choose_clusters(
        np.repeat(np.eye(3), 5, axis=0) + 0.01 * RNG.standard_normal((15, 3)), range(2, 6), key=jax.random.key(0)
    )


def test_pictures_of_clusters_have_every_number_and_mark_the_chosen_one(clouds):
    for draw, values, best in (
        (jl.plot.silhouette, clouds.silhouette, clouds.by_silhouette),
        (jl.plot.inertia, clouds.inertia / clouds.inertia[0], clouds.by_elbow),
    ):
        line, curve, dot = (ax := draw(clouds, ax=axes())).lines
        np.testing.assert_allclose(curve.get_xydata(), np.column_stack([clouds.ks, values]))
        assert line.get_xdata()[0] == dot.get_xdata()[0] == best == 3
        assert str(best) in ax.get_title()


def test_regions_have_the_colour_of_their_class_and_every_clip_its_own(clouds):
    x = np.repeat([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], 10, axis=0) + 0.05 * RNG.standard_normal((30, 2))
    y = np.repeat([0, 1, 2], 10)
    family = jl.classical.FAMILIES["knn"]
    found = jl.classical.regions(
        family, {"k": 1, "metric": "euclidean"}, x, y, x, y, classes=NAMES[:3], names=("u", "$v$"), steps=30
    )
    ax = jl.plot.regions(found, ax=axes())
    (image,) = ax.images
    for row, column in ((0, 0), (29, 0), (0, 29)):
        shade = image.get_array()[row, column, :3]
        np.testing.assert_allclose(shade, matplotlib.colors.to_rgb(ax.lines[found.answers[row, column]].get_color()))
    assert [len(line.get_xydata()) for line in ax.lines] == [10, 10, 10]
    assert {text.get_text() for text in ax.texts} == {"_silence_", r"\$a\$", "cat"}
    assert len(ax.get_legend().get_texts()) == 3
    assert jl.plot.regions(found, legend=False, ax=axes()).get_legend() is None
    with pytest.raises(InputError, match="regions: expected"):
        jl.plot.regions(clouds)


TRUTH = [jl.data.Event("dog", 0.5, 1.0), jl.data.Event("$a$", 0.2, 2.0)]


def bars(ax):
    """Return the spans of the bars in each row from the top, and their colours."""
    found = []
    for bar in ax.collections:
        for path in bar.get_paths():
            low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
            found.append((low[0], high[0], low[1], bar.get_facecolor()[0][:3].tolist()))
    return found


def test_a_timeline_has_a_bar_for_each_event_in_the_row_of_its_class():
    said = [TRUTH[0]._replace(end=1.1), jl.data.Event("dog", 1.5, 1.7)]
    ax = jl.plot.timeline(TRUTH, said, right=[True, False], ax=axes())
    assert [label.get_text() for label in ax.get_yticklabels()] == [r"\$a\$", "dog"]
    drawn = bars(ax)
    spans = sorted((round(float(start), 6), round(float(end), 6)) for start, end, *_ in drawn)
    assert spans == [(0.2, 2), (0.5, 1), (0.5, 1.1), (1.5, 1.7)]
    assert len({tuple(colour) for *_, colour in drawn}) == 3, "there, found and found wrong"
    assert [int(low) for start, _, low, _ in drawn if start == 0.2] == [1], "the first class is at the top"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["there", "found", "found, wrong"]


def test_a_timeline_has_probabilities_and_the_sound_above():
    y = clip(2)
    said = RNG.random((40, 2))
    ax = jl.plot.timeline(
        TRUTH, classes=("dog", "$a$"), probabilities=said, period=0.05, clip=y, sr=SR, span=(0.5, 1.5), ax=axes()
    )
    (image,) = ax.images
    assert image.get_extent() == pytest.approx([0.5, 1.5, 2.1, ax.get_ylim()[1]])
    line = ax.lines[0].get_xydata()
    np.testing.assert_allclose(line[:, 0], 0.05 * (np.arange(10, 31) + 0.5))
    np.testing.assert_allclose((line[:, 1] - 1.08) / 0.84, said[10:31, 0])
    assert ax.get_xlim() == (0.5, 1.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"truth": []}, "span of seconds"),
        ({"truth": TRUTH, "classes": ("dog",)}, "expected events of dog, got"),
        (
            {"truth": TRUTH, "classes": ("dog", "$a$"), "probabilities": np.zeros((9, 3)), "period": 1},
            "and their period",
        ),
        ({"truth": TRUTH, "span": (2, 1)}, "the smaller one first"),
        ({"truth": [], "span": (0, 1)}, "or classes="),
    ],
)
def test_a_timeline_of_nothing_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        jl.plot.timeline(**settings, ax=axes())
