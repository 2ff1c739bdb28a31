"""``jaxlisten train --config``: a run is given again, with all that the command had decided."""

import json
import shutil

import pytest

import jaxlisten as jl
from tests.cli.conftest import tone, write
from tests.train.small import figures


def weights(run) -> bytes:
    return (run / "weights.safetensors").read_bytes()


@pytest.mark.wide
def test_config_keeps_the_command(trained, sounds):
    command = json.loads((trained / "config.json").read_text())["command"]
    fingerprint = command.pop("fingerprint")
    assert fingerprint == jl.data.folder(sounds).fingerprint()
    given = {"data": str(sounds.absolute()), "model": "linear", "epochs": 2, "seed": 0, "precision": "float32"}
    missing = dict.fromkeys(("task", "front_end", "group_by", "folds", "seeds", "background", "units", "loss"))
    missing |= dict.fromkeys(("normal", "start", "batch_size", "learning_rate", "weight_decay"))
    assert command == given | missing | {"streaming": False, "freeze": False, "test": 0.0}


def test_the_run_is_given_again(command, trained, tmp_path):
    again = tmp_path / "again"
    assert command("train", "--config", trained / "config.json", "--out", again).code == 0
    assert weights(again) == weights(trained)
    assert figures(jl.load(again).fitted.history) == figures(jl.load(trained).fitted.history)
    ours, theirs = (json.loads((run / "config.json").read_text()) for run in (again, trained))
    assert ours == theirs


@pytest.mark.wide
def test_the_rates_of_the_recipe_can_be_given_and_others_are_others(command, trained, sounds, tmp_path):
    words = ["train", sounds, "--epochs", 2, "--weight-decay", 0.01, "--batch-size", 32]
    assert command(*words, "--learning-rate", 0.003, "--out", tmp_path / "same").code == 0
    assert weights(tmp_path / "same") == weights(trained)
    assert command(*words, "--learning-rate", 0.001, "--out", tmp_path / "other").code == 0
    assert weights(tmp_path / "other") != weights(trained)


@pytest.mark.wide
def test_options_beside_the_config_take_over(command, sounds, tmp_path):
    run, again = tmp_path / "run", tmp_path / "again"
    words = ["--model", "linear", "--front-end", "mfcc", "--precision", "bfloat16", "--seed", 3]
    assert command("train", sounds, "--out", run, "--epochs", 1, *words).code == 0
    done = command("train", "--config", run, "--out", again, "--epochs", 2)
    assert done.code == 0
    ours, theirs = (json.loads((folder / "config.json").read_text()) for folder in (again, run))
    assert ours.pop("training")["epochs"] == 2
    assert theirs.pop("training")["epochs"] == 1
    assert ours.pop("command") == theirs.pop("command") | {"epochs": 2}
    assert ours == theirs


@pytest.mark.wide
def test_the_stored_model_is_built_and_not_todays_default(command, run, tmp_path):
    config = json.loads((run / "config.json").read_text())
    config["model"]["layers"][0]["n_mels"] = 20
    (run / "config.json").write_text(json.dumps(config))
    words = ["train", "--config", run / "config.json", "--epochs", 1]
    assert command(*words, "--out", tmp_path / "again").code == 0
    assert jl.load(tmp_path / "again").fitted.model.layers[0].n_mels == 20
    assert command(*words, "--out", tmp_path / "other", "--model", "linear").code == 0
    assert jl.load(tmp_path / "other").fitted.model.layers[0].n_mels != 20


def test_changed_data_is_refused_unless_it_is_meant(command, refused, run, sounds, tmp_path):
    more = shutil.copytree(sounds, tmp_path / "more")
    write(more / "low" / "more.wav", tone(333))
    config = json.loads((run / "config.json").read_text())
    config["command"]["data"] = str(more)
    (run / "config.json").write_text(json.dumps(config))
    words = ["train", "--config", run / "config.json", "--out", tmp_path / "again", "--epochs", 1]
    what = f"the clips of {more} are not those that {run / 'config.json'} was trained on"
    assert refused(*words) == f"{what}; to train on them as they are now, give it as DATA beside --config"
    (tmp_path / "again").rmdir()
    done = command(*words, more)
    assert (done.code, done.err.splitlines()[0]) == (0, f"note: {what}")
    shutil.rmtree(more)
    assert "there is no folder" in refused("train", "--config", run, "--out", tmp_path / "third")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.pop("command"), "doesn't say how its run was made"),
        (lambda config: config.update(command=[]), "doesn't say how its run was made"),
        (lambda config: config["command"].update(seed="1"), "'command' is damaged at 'seed'"),
        (lambda config: config["command"].update(streaming=1), "'command' is damaged at 'streaming'"),
        (lambda config: config["command"].update(data=7), "'command' is damaged at 'data'"),
        (lambda config: config["command"].update(model="x"), "--model: expected one of"),
        (lambda config: config["command"].update(seed=-1), "--seed: expected a number"),
        (lambda config: config["model"].update(layer="x"), "the model in it can't be built"),
        (lambda config: config.update(format=2), "expected format 1"),
    ],
)
def test_a_config_that_says_nothing_sensible_is_refused(change, message, refused, run, tmp_path):
    config = json.loads((run / "config.json").read_text())
    change(config)
    (run / "config.json").write_text(json.dumps(config))
    assert message in refused("train", "--config", run / "config.json", "--out", tmp_path / "again")


def test_nothing_to_train_on_is_refused(refused, tmp_path):
    assert "expected DATA, or --config" in refused("train", "--out", tmp_path / "run")
    assert "there is no such run folder" in refused("train", "--config", tmp_path / "no/config.json", "--out", tmp_path)
