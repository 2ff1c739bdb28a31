"""The page of a report: well-formed, loads and runs nothing, escapes what isn't ours, and lets mistakes be heard."""

import base64
import dataclasses
import io
import os
import re
import warnings
from html.parser import HTMLParser

import jax
import numpy as np
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten import data
from jaxlisten.evaluate import LabelReport, NumberReport, Report
from jaxlisten.evaluate.filters import filters_of
from jaxlisten.evaluate.page import render
from jaxlisten.evaluate.page.mistakes import PLAYED, SHOWN_MISTAKES
from jaxlisten.evaluate.page.scores import SHOWN_GROUPS
from jaxlisten.evaluate.page.sounds import AUDIO_BYTES, sound

CLASSES = ("cat", "dog", "owl")
TARGETS = np.array([0, 0, 1, 1, 2])
PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.9, 0.1, 0.0], [0.1, 0.2, 0.7]])
PATHS = ("a.wav", "b.wav", "c.wav", "d.wav", "e.wav")
HISTORY = (
    {"epoch": 1, "seconds": 0.5, "train_loss": 1.0, "val_loss": 1.1, "val_accuracy": 0.0},
    {"epoch": 2, "seconds": 0.5, "train_loss": 0.5, "val_loss": 0.9, "val_accuracy": 0.75},
    {"epoch": 3, "seconds": 0.5, "train_loss": 0.4, "val_loss": float("nan"), "val_accuracy": 0.75},
)
EVIL = "<script>alert('1')</script>\" onload=\"x $a^$"
CLIPS = data.synthetic(36).subset(range(5))


def make(**fields):
    return Report(**{"classes": CLASSES, "targets": TARGETS, "probabilities": PROBABILITIES, "paths": PATHS, **fields})


def clips(**fields):
    return dataclasses.replace(CLIPS, **{"targets": TARGETS, "classes": CLASSES, "paths": PATHS, **fields})


def labels(**fields):
    said = np.array([[0.9, 0.2], [0.4, 0.7], [0.1, 0.8], [0.7, 0.9], [0.2, 0.6]])
    truth = np.array([[1, 0], [1, 1], [0, 1], [0, 1], [0, 0]])
    return LabelReport(
        **{"classes": ("dog", "rain"), "targets": truth, "probabilities": said, "paths": PATHS, **fields}
    )


def numbers(**fields):
    truth = np.array([20.0, 40.0, 30.0, 35.0, 25.0])
    return NumberReport(
        **{
            "classes": ("age",),
            "targets": truth,
            "predictions": truth + np.array([5, -2, 0, 1, 1]),
            "paths": PATHS,
            **fields,
        }
    )


KINDS = pytest.mark.parametrize("kind", [make, labels, numbers], ids=["class", "labels", "numbers"])


class Page(HTMLParser):
    """Collects the tags, attributes and text of a page, and holds that every tag is closed where it should be."""

    VOID = ("meta", "br", "link")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def section(name, text):
    """Return the text of one section, without tags."""
    found = re.search(f'<section id="{name}">(.*?)</section>', text, re.DOTALL)
    return re.sub(r"<[^>]*>", "", found[1]) if found else None


def summary(text):
    return re.sub(r"<[^>]*>", "", re.search('<section class="summary">(.*?)</section>', text, re.DOTALL)[1])


@pytest.mark.parametrize(("n_classes", "history"), [(2, ()), (10, HISTORY), (50, ())])
def test_the_page_is_well_formed_and_shows_every_class_on_both_axes_and_in_the_table(n_classes, history):
    names = [f"class {k}" for k in range(n_classes)]
    paths = tuple(f"{k}.wav" for k in range(n_classes))
    text = render(
        make(classes=names, targets=np.arange(n_classes), probabilities=np.eye(n_classes), paths=paths, history=history)
    )
    page = Page(text)
    for name in names:
        assert Page(re.search(r'<section id="confusion">.*?</section>', text, re.DOTALL)[0]).text.count(name) == 2
        assert Page(re.search(r'<section id="classes">.*?</section>', text, re.DOTALL)[0]).text.count(name) == 1
    assert page.tags.count("svg") == 3 + (2 if history else 0)


@KINDS
def test_every_kind_of_report_has_a_page_with_sections_that_its_contents_link_to(kind):
    text = render(kind(history=HISTORY, groups=("x", "y", "x", "y", "x"), data=CLIPS, model="the model"))
    page = Page(text)
    links = [value for name, value in page.attributes if name == "href" and value.startswith("#")]
    ids = [value for name, value in page.attributes if name == "id"]
    assert {link[1:] for link in links} <= set(ids)
    assert {"training", "groups", "model"} <= set(ids)
    assert section("model", text).endswith("the model")
    assert "audio" in page.tags


def test_the_page_loads_and_runs_nothing():
    about = {"data": "pets", "versions": {"jax": "0.10"}}
    page = Page(text := render(make(history=HISTORY, about=about, data=clips())))
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert name not in ("srcset", "action")
        assert not name.startswith("on")
        assert name != "src" or re.match(r"data:audio/(wav|flac);base64,", value)
        assert "href" not in name or value.startswith(("#", "data:image/png;base64,"))
    policy = next(value for name, value in page.attributes if name == "content" and value.startswith("default-src"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
    assert "@import" not in text
    for address in re.findall(r"url\(([^)]*)\)", text):
        assert address.startswith("#")
    assert set(re.findall(r"https?://[^\s\"'<)]*", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_ids_on_the_page_are_unique():
    """Also where one clip is shown twice, for two labels."""
    wrong = labels(probabilities=1 - labels().probabilities, data=CLIPS, history=HISTORY)
    assert len({mistake.index for mistake in wrong.mistakes}) < len(wrong.mistakes)
    ids = [value for name, value in Page(render(wrong)).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_text_that_is_not_ours_is_escaped():
    report = make(
        classes=(EVIL, "_dog", "$o$"),
        paths=(EVIL,) * 5,
        title=EVIL,
        about={"data": EVIL, "part": EVIL, EVIL: {EVIL: EVIL}},
        history=HISTORY,
        data=clips(paths=(EVIL,) * 5),
        groups=(EVIL, "b", "b", "b", EVIL),
        health={
            "clips": 5,
            "sr": 8000,
            "seconds": {"min": 1, "median": 1, "max": 1, "total": 5},
            "classes": {EVIL: {"clips": 5, "seconds": {"min": 1, "median": 1, "max": 1, "total": 5}, "silent": 1}},
            "problems": [EVIL],
            "remarks": [EVIL],
        },
        model=EVIL,
    )
    for text in (render(report), report._repr_html_()):
        page = Page(text)
        assert "script" not in page.tags
        assert "<script" not in text
        assert not any(name.startswith("on") for name, _ in page.attributes)
    assert "".join(Page(render(report)).text).count(EVIL) >= 16


def test_class_names_in_other_scripts_are_shown_without_a_warning():
    names = ["鳥のさえずり", "дождь", "كلب"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = render(make(classes=names, history=HISTORY))
    assert all(name in text for name in names)


def test_names_that_are_no_text_can_be_shown(tmp_path):
    path = os.fsdecode(b"\xff.wav")
    report = make(classes=(path, "dog", "owl"), paths=(path,) * 5, data=clips(paths=(path,) * 5), history=HISTORY)
    report.save(tmp_path / "report.html")
    assert "\\udcff.wav" in (tmp_path / "report.html").read_text("utf-8")
    report._repr_html_().encode()


def test_the_page_is_deterministic_and_heeds_no_settings_of_matplotlib():
    import matplotlib

    report = make(history=HISTORY, data=clips())
    text = render(report)
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.grid": True, "font.size": 30}):
        before = dict(matplotlib.rcParams)
        assert render(report) == text
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(("best_epoch", "shown"), [(None, 2), (3, 3)])
def test_the_best_epoch_is_the_one_that_was_kept(best_epoch, shown):
    assert f"best epoch, {shown}." in render(make(history=HISTORY, best_epoch=best_epoch))


def test_a_history_without_known_columns_or_numbers_draws_nothing():
    rows = ({"epoch": 1, "lr": 0.1}, {"epoch": 2, "val_loss": None, "train_loss": float("nan")})
    assert section("training", render(make(history=rows))) is None


def test_one_epoch_is_drawn():
    assert render(make(history=HISTORY[:1])).count("by epoch") == 0
    assert "Loss" in section("training", render(make(history=HISTORY[:1])))


def test_the_page_lists_the_worst_mistakes_only():
    n = SHOWN_MISTAKES + 1
    paths = tuple(f"{k}.wav" for k in range(n))
    names = [f"c{k}" for k in range(n)]
    said = np.roll(np.eye(n), 1, axis=1)
    text = render(make(classes=names, targets=np.arange(n), probabilities=said, paths=paths))
    assert f"{SHOWN_MISTAKES} of {n}" in section("mistakes", text)
    assert "None: every clip" in section("mistakes", render(make(probabilities=np.eye(3)[TARGETS], data=clips())))


def players(text):
    """Return the sounds of a page: samples and rate of each, as 16-bit integers."""
    found = re.findall(r'src="data:audio/\w+;base64,([^"]*)"', text)
    return [soundfile.read(io.BytesIO(base64.b64decode(audio)), dtype="int16") for audio in found]


def test_a_mistake_can_be_heard_as_it_is():
    report = make(data=clips())
    heard = players(render(report))
    assert len(heard) == len(report.mistakes) == 2
    for (samples, rate), mistake in zip(heard, report.mistakes, strict=True):
        assert rate == CLIPS.sr
        np.testing.assert_allclose(samples / 32768, CLIPS.audio[mistake.index], atol=1.01 / 32768)


@pytest.mark.parametrize(("seconds", "loud"), [(0.5, 3.0), (20.0, 1.0)])
def test_a_sound_is_cut_to_its_share_of_the_page_and_to_full_scale(seconds, loud):
    noise = (loud * np.random.default_rng(0).uniform(-1, 1, int(seconds * 16_000))).astype(np.float32)
    long = dataclasses.replace(CLIPS, audio=(noise,) * 5, sr=16_000)
    html = sound(long, 0, name="clip", most=50_000)
    ((samples, _),) = players(html)
    assert len(base64.b64decode(re.search(r"base64,([^\"]*)\"></audio>", html)[1])) <= 50_000
    np.testing.assert_allclose(samples / 32768, np.clip(noise[: len(samples)], -1, 1), atol=1.01 / 32768)
    assert (f"of {seconds} s" in html) == (len(samples) < len(noise)) == (seconds > 1)


def test_what_is_no_sound_has_no_player():
    for clip in (np.zeros(0, np.float32), np.full(100, np.nan, np.float32), np.zeros((3, 40), np.float32)):
        assert sound(dataclasses.replace(CLIPS, audio=(clip,) * 5), 0, name="clip", most=1000) == ""


def test_the_page_has_a_bounded_size():
    """Fifty classes, a thousand clips: below 300 kB without the sounds, and the sounds below their bound."""
    rng = np.random.default_rng(0)
    n, k = 1000, 50
    noise = tuple(rng.uniform(-1, 1, 80_000).astype(np.float32) for _ in range(20))
    targets, paths = np.arange(n) % k, tuple(f"folder/class/{i}.wav" for i in range(n))
    names = tuple(f"class {i}" for i in range(k))
    clips = data.Dataset(audio=noise * (n // 20), targets=targets, classes=names, sr=16_000, paths=paths)
    said = rng.dirichlet(np.ones(k), n) + 0.12 * np.eye(k)[targets]
    text = render(Report(names, targets, said / said.sum(axis=1, keepdims=True), paths, data=clips, history=HISTORY))
    assert len(players(text)) == PLAYED
    silent = re.sub(r'data:audio[^"]*', "", text)
    assert len(silent) < 300_000
    assert 0.5 * AUDIO_BYTES < len(text) - len(silent) < 1.4 * AUDIO_BYTES


def test_the_summary_says_what_was_measured_and_what_is_confused():
    text = summary(
        render(
            make(
                history=HISTORY,
                about={"part": "test", "data": {"clips": 700}},
                targets=np.array([0, 0, 0, 1, 2]),
                data=clips(),
            )
        )
    )
    assert "trained on 700 clips for 3 epochs and has the weights of epoch 2" in text
    assert "measured on 5 clips of the test part" in text
    assert "3 classes apart, and was right on 40.0\u202f%" in text
    assert "it hears ‘dog’ where ‘cat’ is: 2 of 3 clips" in text
    assert "‘dog’ is found in only 0 of 1 clip" in text
    assert "made no mistake" in summary(render(make(probabilities=np.eye(3)[TARGETS])))


def test_a_group_that_is_heard_far_worse_is_named_and_comes_first():
    n = 60
    targets, groups = np.zeros(n, int), tuple("ann" if k < 40 else "bob" for k in range(n))
    said = np.where(np.arange(n)[:, None] < 40, [[0.9, 0.1]], [[0.2, 0.8]])
    text = render(Report(("a", "b"), targets, said, tuple(map(str, range(n))), groups=groups))
    assert "‘bob’ is heard far worse than the others: 0.0\u202f% of 20 clips" in summary(text)
    assert section("groups", text).index("bob") < section("groups", text).index("ann")


def test_many_groups_are_cut():
    n = SHOWN_GROUPS + 3
    report = Report(
        ("a", "b"), np.zeros(n, int), np.eye(2)[np.zeros(n, int)], ("x",) * n, groups=tuple(map(str, range(n)))
    )
    assert f"{SHOWN_GROUPS} of {n}" in section("groups", render(report))


def test_data_health_shows_the_faults_that_there_are():
    loud = np.ones(8000, np.float32)
    found = data.health(dataclasses.replace(clips(), audio=(loud, *CLIPS.audio[1:]))).to_dict()
    assert found["clipped"] == ["a.wav"]
    text = render(make(health=found))
    told = section("data-health", text)
    assert "Clipped" in told
    assert "Silent" not in told
    assert "‘owl’" not in told
    assert "only one clip" in told
    assert "The data has 1 problem" in summary(text)


def test_settings_are_shown_by_section():
    text = section("settings", render(make(about={"part": "test", "training": {"batch_size": 32, "sizes": [1, 2]}})))
    assert re.sub(r"\s+", " ", text).strip() == "Settings parttest training batch size32 sizes1, 2"


@KINDS
def test_a_notebook_shows_the_main_figures(kind):
    report = kind(title="mine")
    html = report._repr_html_()
    text = "".join(Page(html).text)
    assert text.startswith("mine: " + report.headline)
    assert all(name in text for name in report.classes)
    assert "script" not in html
    assert repr(report) == f"{type(report).__name__}({report.headline})"


def test_a_notebook_shows_a_table_where_the_confusion_matrix_has_no_room():
    n = 40
    names = tuple(f"c{k}" for k in range(n))
    html = make(classes=names, targets=np.arange(n), probabilities=np.eye(n), paths=names)._repr_html_()
    assert "and 10 more" in html
    assert html.count("<tr>") == 31


def test_filters_that_were_learned_are_shown_with_what_they_let_pass():
    bank = jl.FilterBank(8000, 6)
    params, _ = bank.init(jax.random.key(0), jax.ShapeDtypeStruct((800,), np.float32))
    found = filters_of(bank, params)
    low, *_, high = found.peaks_hz
    np.testing.assert_allclose((low, high), np.asarray(bank.frequencies(params)[0])[[0, -1]], atol=8)
    text = render(make(filters=found))
    section = text[text.index('<section id="learned-filters"') :]
    section = section[: section.index("</section>")]
    assert section.count("<svg ") == 2
    assert "6 filters, a line each" in section
    assert "learned-filters" not in render(make())
