"""``--task anomaly``: from normal recordings to a line a file that says whether it is one."""

import csv
import json

import numpy as np
import pytest
import soundfile

from jaxlisten.cli.main import main
from tests.cli.conftest import SR, tone, write

# What the tests of training, scoring and reports hold, by the command.
pytestmark = pytest.mark.wide


@pytest.fixture(scope="module")
def hums(tmp_path_factory):
    """A folder with twelve low hums, and four hisses."""
    root = tmp_path_factory.mktemp("machines")
    for i in range(12):
        write(root / "hum" / f"{i}.wav", tone(200 + 2 * i, 0.5, seed=i))
    for i in range(4):
        write(root / "hiss" / f"{i}.wav", 0.2 * np.random.default_rng(i).standard_normal(SR // 2).astype(np.float32))
    return root


@pytest.fixture(scope="module")
def run(hums, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "hum"
    words = ["train", hums, "--task", "anomaly", "--normal", "hum", "--out", out, "--epochs", "8"]
    assert main([str(word) for word in words]) == 0
    return out


def test_it_trains_on_normal_sound_scores_and_predicts(command, hums, run):
    config = json.loads((run / "config.json").read_text())
    assert (config["task"], config["classes"], config["anomaly"]["normal"]) == ("reconstruction", [], ["hum"])
    assert config["data"]["clips"] == 9, "of twelve, two test and one chooses the threshold"
    report = json.loads((run / "report.json").read_text())
    assert (report["n"], report["about"]["part"], report["auc"]) == (6, "test", 1.0)
    page = (run / "report.html").read_text()
    assert page.count("<circle") == page.count("<audio id=") == 6
    said = command("evaluate", run, hums, "--json").json
    assert (said["n"], said["per_class"]["hiss"]["support"], said["auc"]) == (16, 4, 1.0)
    assert said["trained_on"]["clips"] == 9
    hiss = hums / "hiss" / "1.wav"
    line = command("predict", run, hiss, "--json").json
    assert (line["label"], line["threshold"]) == ("anomalous", said["threshold"])
    assert line["novelty"] > line["threshold"]
    assert f"anomalous  novelty {line['novelty']:.3g}" in command("predict", run, hiss).out
    (row,) = csv.DictReader(command("predict", run, hiss, "--csv").out.splitlines())
    assert (row["label"], float(row["novelty"])) == ("anomalous", pytest.approx(line["novelty"]))


def test_the_exported_file_says_error_and_novelty(command, hums, run, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="pip install 'jaxlisten[export]' brings it")
    done = command("export", run, tmp_path / "hum.onnx", "--data", hums)
    assert (done.code, "on 16 recordings" in done.out) == (0, True)
    hiss = hums / "hiss" / "1.wav"
    expected = command("predict", run, hiss, "--json").json["novelty"]
    session = onnxruntime.InferenceSession(tmp_path / "hum.onnx")
    samples = soundfile.read(hiss, dtype="float32")[0][None]
    inputs = {session.get_inputs()[0].name: samples}
    said = session.run(None, inputs)[0]
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == ["error", "novelty"]
    np.testing.assert_allclose(said[0, 1], expected, rtol=1e-3)


@pytest.mark.slow
def test_recordings_without_labels_are_all_normal(command, hums, tmp_path):
    for i in range(4):
        (tmp_path / "flat").mkdir(exist_ok=True)
        (tmp_path / "flat" / f"{i}.wav").write_bytes((hums / "hum" / f"{i}.wav").read_bytes())
    command("train", tmp_path / "flat", "--task", "anomaly", "--out", tmp_path / "run", "--epochs", "1")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert (report["auc"], report["about"]["part"]) == (None, "validation")
    assert "above the threshold" in command("evaluate", tmp_path / "run", tmp_path / "flat").out


def test_wrong_input_gets_a_sentence(refused, hums, run, tmp_path):
    train = ("train", hums, "--task", "anomaly", "--out", tmp_path / "run")
    assert "has no class 'normal'; name one of its own with --normal: hiss, hum" in refused(*train)
    assert "has no class 'idle'; it has hiss, hum" in refused(*train, "--normal", "idle")
    assert "leave out --folds" in refused(*train, "--normal", "hum", "--folds", "3")
    assert "--normal goes with --task anomaly" in refused("train", hums, "--out", tmp_path / "x", "--normal", "hum")
    assert "there is no" in refused("train", tmp_path / "no", "--task", "anomaly", "--out", tmp_path / "run2")
    assert "add --report" in refused("evaluate", run, hums, "--map", "pca")
    assert "only classes and labels can be detected" in refused("listen", run, hums / "hum" / "0.wav")
