"""``jaxlisten compare``: what it writes and prints, and what it refuses."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from jaxlisten.classical import families
from tests.cli.conftest import contents, tone, write, write_sounds

PAGES = {"compare.html", "compare.json"}


@pytest.fixture(autouse=True)
def few_families():
    """Two families with a setting or two: `tests/classical` has them all."""
    whole = dict(families.FAMILIES)
    families.FAMILIES.clear()
    families.FAMILIES.update({name: whole[name]._replace(grid=whole[name].grid[:2]) for name in ("gmm", "tree")})
    yield
    families.FAMILIES.clear()
    families.FAMILIES.update(whole)


@pytest.fixture
def table(sounds, tmp_path):
    """The sounds with splits: of each class two clips to train, two to validate and two to test on."""
    splits = ("train", "train", "validation", "validation", "test", "test")
    rows = [f"{sounds}/{name}/{i}.wav,{name},{split}" for name in ("high", "low") for i, split in enumerate(splits)]
    path = tmp_path / "clips.csv"
    path.write_text("\n".join(["path,label,split", *rows]))
    return path


@pytest.mark.slow
def test_a_table_is_printed_and_the_page_and_the_figures_are_written(command, table, trained, tmp_path):
    done = command("compare", table, "--run", trained, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split()[:5] == ["model", "hears", "settings", "validation", "test"]
    assert len(lines) == 1 + 2 + 2 * len(families.FAMILIES)
    assert {path.name for path in (tmp_path / "out").iterdir()} == PAGES
    assert "6 clips" not in done.out
    assert "clips: 4 for train, 4 for validation, 4 for test" in done.err
    assert "clips were trained on" in done.err  # the run has heard all of them
    assert "too good" not in done.err


def test_json_is_what_the_file_holds_alone_on_stdout(command, sounds, trained, tmp_path):
    done = command("compare", sounds, "--run", trained, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    assert done.json == json.loads((tmp_path / "out" / "compare.json").read_text())
    assert {path.name for path in (tmp_path / "out").iterdir()} == PAGES
    assert done.json["part"] == "validation"
    assert done.json["about"]["run"] == str(trained)
    assert "too good" in done.err


@pytest.mark.wide
def test_without_a_network_there_are_classical_models_alone(command, table, tmp_path):
    done = command("compare", table, "--no-network", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == PAGES
    assert "network" not in done.out
    assert len(done.out.splitlines()) == 1 + 1 + len(families.FAMILIES)


@pytest.mark.slow
def test_without_a_run_it_trains_what_train_would(command, sounds, tmp_path):
    assert command("compare", sounds, "--out", tmp_path / "out", "--seed", "3").code == 0
    assert command("train", sounds, "--out", tmp_path / "run", "--seed", "3").code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*PAGES, "network"}
    ours, theirs = (
        load_file(folder / "weights.safetensors") for folder in (tmp_path / "out/network", tmp_path / "run")
    )
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    kept = [json.loads((folder / "config.json").read_text()) for folder in (tmp_path / "out/network", tmp_path / "run")]
    assert kept[0] == kept[1]


@pytest.mark.wide
def test_front_ends_have_networks_alone_in_one_table(command, table, tmp_path):
    done = command("compare", table, "--front-ends", "mfcc, mfcc", "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*PAGES, "mfcc"}
    rows = {row["name"]: row for row in done.json["models"]}
    assert rows.keys() == {"mfcc", "most common class"}
    assert rows["mfcc"]["parameters"] == 2 * 20 * 2 + 2  # the mean and the maximum of each coefficient, to two classes
    assert "Learned filters" not in (tmp_path / "out" / "compare.html").read_text()


@pytest.mark.slow
def test_what_hears_samples_shows_its_filters(command, table, tmp_path):
    done = command("compare", table, "--front-ends", "raw,filter_bank", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    config = json.loads((tmp_path / "out" / "raw" / "config.json").read_text())
    assert config["command"]["model"] == "crnn"
    text = (tmp_path / "out" / "compare.html").read_text()
    assert text.count("Impulse responses") == 4  # each once seen, once read aloud
    assert 'id="learned-filters"' in (tmp_path / "out" / "raw" / "report.html").read_text()


def test_what_can_not_be_compared_is_refused_before_anything_is_written(refused, sounds, trained, tmp_path):
    out = tmp_path / "out"
    one = write_sounds(tmp_path / "one", ("high",))
    assert "one class only, 'high'" in refused("compare", one, "--out", out)
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(["path,labels", *(f"{sounds}/high/{i}.wav,a;b" for i in range(6))]))
    assert "several labels: compare is for clips of one class each" in refused("compare", labels, "--out", out)
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("\n".join(["path,target", *(f"{sounds}/high/{i}.wav,{i}" for i in range(6))]))
    assert "numbers: compare is for clips of one class each" in refused("compare", numbers, "--out", out)
    assert "there is no such run folder" in refused("compare", sounds, "--run", tmp_path / "none", "--out", out)
    assert "--seed: expected a number from 0" in refused("compare", sounds, "--seed", "-1", "--out", out)
    assert "some of log_mel, voice, mfcc, " in refused("compare", sounds, "--front-ends", "mfcc,cqt", "--out", out)
    other = tmp_path / "other"
    write(other / "third" / "0.wav", tone(700))
    write(other / "low" / "0.wav", tone(300))
    assert "third" in refused("compare", other, "--run", trained, "--out", out)
    assert not out.exists() or not contents(out)
    assert "not empty" in refused("compare", sounds, "--out", tmp_path)


def test_it_names_the_extra_that_is_missing(refused, sounds, tmp_path, monkeypatch):
    monkeypatch.setattr(families, "find_spec", lambda name: None)
    assert "pip install 'jaxlisten[compare]'" in refused("compare", sounds, "--out", tmp_path / "out")
