"""``jaxlisten check``: what it prints and how it ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jaxlisten import data


@pytest.fixture
def folder(sounds: Path, tmp_path: Path) -> Path:
    """A copy of the sounds that may be changed."""
    return shutil.copytree(sounds, tmp_path / "sounds")


def test_sounds_that_are_well_are_a_table_and_code_0(command, sounds):
    done = command("check", sounds)
    assert (done.code, done.err) == (0, "")
    assert "no problems" in done.out
    assert [line.split()[:2] for line in done.out.splitlines()[3:5]] == [["high", "6"], ["low", "6"]]


def test_a_problem_is_named_and_is_code_1(command, folder):
    (folder / "high" / "0.wav").write_bytes(b"")
    shutil.copy(folder / "low" / "1.wav", folder / "high" / "copy.wav")
    done = command("check", folder)
    assert done.code == 1
    problems = [line for line in done.out.splitlines() if line.startswith("problem: ")]
    assert len(problems) == 2
    assert "0.wav' is empty" in problems[0]
    assert "different targets" in problems[1]


def test_json_is_the_whole_report_alone_on_stdout(command, folder):
    shutil.copy(folder / "low" / "1.wav", folder / "low" / "copy.wav")
    done = command("check", folder, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json == data.health(folder).to_dict()
    assert len(done.json["duplicates"]) == 1


def test_a_sound_under_another_name_in_another_form_is_a_copy(command, folder):
    samples, sr = soundfile.read(folder / "low" / "1.wav")
    soundfile.write(folder / "low" / "copy.flac", np.concatenate([np.zeros(99), samples]), sr)
    found = command("check", folder, "--json").json
    assert found["duplicates"] == [[str(folder / "low" / name) for name in ("1.wav", "copy.flac")]]
    assert (found["leak"]["copies"], found["leak"]["groups"]) == (1, 0)


def test_groups_are_measured_on_both_sides_of_a_random_split_and_on_one(command, sounds):
    done = command("check", sounds, "--group-by", r"(\d)\.wav")
    (leak,) = [line for line in done.out.splitlines() if line.startswith("leak: ")]
    assert leak.startswith("leak: a random split would have torn apart ")
    assert " of 6 groups; with it a quick classifier is right on " in leak
    assert done.code == 0


def test_what_cannot_be_read_is_code_2(refused, tmp_path):
    assert "there is no folder" in refused("check", tmp_path / "nowhere")


def test_safe_decode_decodes_nothing_in_this_process(command, folder, monkeypatch):
    import soundfile

    (folder / "low" / "bad.wav").write_bytes(b"RIFF" + bytes(60))
    here = command("check", folder, "--json")

    def decoded(*_):
        raise AssertionError("this process decodes")

    monkeypatch.setattr(soundfile, "SoundFile", decoded)
    there = command("check", folder, "--json", "--safe-decode")
    assert (there.code, there.out) == (here.code, here.out)
    assert there.json["clips"] == 12


@pytest.mark.parametrize("name", ["check", "train", "evaluate", "predict", "scene", "listen", "export"])
def test_every_command_that_reads_sound_can_decode_elsewhere(command, name):
    assert "--safe-decode" in command(name, "--help").out


def test_limits_come_from_the_environment(command, refused, sounds, monkeypatch):
    monkeypatch.setenv("JAXLISTEN_LIMITS", "seconds=0.1")
    assert "has 0.25 seconds, and the limit is 0.1" in refused("check", sounds)
    monkeypatch.setenv("JAXLISTEN_LIMITS", "seconds")
    assert "expected NAME=NUMBER" in refused("check", sounds)


def test_a_name_can_not_talk_to_the_terminal(refused, tmp_path):
    assert "there is no folder" in (message := refused("check", f"{tmp_path}/\x1b[2Jgone"))
    assert "\\x1b[2Jgone" in message
