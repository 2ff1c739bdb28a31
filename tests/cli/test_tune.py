"""``jaxlisten tune``: what it writes and prints, that its run is one like any other, and what it refuses."""

import json

import pytest

from jaxlisten.train.space import Configuration
from tests.cli.conftest import contents, write_sounds

WORDS = ("--configurations", 2, "--factor", 2, "--epochs", 2)


@pytest.fixture(scope="module", autouse=True)
def small():
    """A default recipe that is compiled quickly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Configuration.__new__, "__defaults__", ("linear", "mfcc", 20, 32, 3e-3, 1e-2))
        yield


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.json"
    path.write_text('{"model": ["linear"], "front_end": ["mfcc"], "n_mels": [20], "batch_size": [32]}')
    return path


@pytest.mark.wide
def test_the_run_is_one_like_any_other_and_train_gives_it_again(command, sounds, space, tmp_path):
    run = tmp_path / "run"
    done = command("tune", sounds, "--out", run, "--space", space, *WORDS, "--json")
    assert done.code == 0, done.err
    assert "2 classes at 8000 Hz, clips: 9 for train, 1 for validation, 2 for test" in done.err
    assert "rung 1 of 2: 2 configurations, 1 epoch each" in done.err
    figures = json.loads((run / "tune.json").read_text())
    assert figures.pop("asked")["epochs"] == 2
    assert done.json == figures
    assert (figures["part"], len(figures["trials"])) in (("test", 3), ("test", 4))
    assert command("predict", run, sounds / "low" / "0.wav", "--json").json["label"] in ("high", "low")
    assert command("train", "--config", run / "config.json", "--out", tmp_path / "again").code == 0
    weights = [(folder / "weights.safetensors").read_bytes() for folder in (run, tmp_path / "again")]
    assert weights[0] == weights[1]
    reports = [json.loads((folder / "report.json").read_text()) for folder in (run, tmp_path / "again")]
    assert reports[0]["accuracy"] == reports[1]["accuracy"] == figures["scores"]["chosen"]["accuracy"]
    assert reports[0]["health"] is not None
    before = (run / "config.json").read_bytes()
    assert command("tune", sounds, "--out", run, "--space", space, *WORDS, "--resume").code == 0
    assert (run / "config.json").read_bytes() == before


def test_what_can_not_be_tuned_is_refused_before_anything_is_written(refused, sounds, tmp_path):
    out = tmp_path / "out"
    assert "--configurations: expected at least 2, got 1" in refused(
        "tune", sounds, "--out", out, "--configurations", 1
    )
    assert "--factor: expected at least 2" in refused("tune", sounds, "--out", out, "--factor", 1)
    assert "--epochs: expected at least 1" in refused("tune", sounds, "--out", out, "--epochs", 0)
    assert "--seed: expected a number from 0" in refused("tune", sounds, "--out", out, "--seed", -1)
    assert "none.json" in refused("tune", sounds, "--out", out, "--space", tmp_path / "none.json")
    assert "one class only, 'high'" in refused("tune", write_sounds(tmp_path / "one", ("high",)), "--out", out)
    said = tmp_path / "said.csv"
    said.write_text("\n".join(["path,transcript", *(f"{sounds}/high/{i}.wav,one two" for i in range(6))]))
    assert "gives clips transcripts: tune is for classes, labels and numbers" in refused("tune", said, "--out", out)
    assert not out.exists() or not contents(out)
    assert "not empty" in refused("tune", sounds, "--out", tmp_path)
    assert "holds no search" in refused("tune", sounds, "--out", tmp_path, "--resume")
