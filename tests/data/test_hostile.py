"""Files that were changed at random: whatever they say, reading gives sound or tables, or an `InputError`."""

from __future__ import annotations

import io
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.mutated import sounds
from benchmarks.mutations import changed, in_bytes, in_text
from jaxlisten import data
from jaxlisten.data.live import FORMATS
from jaxlisten.errors import InputError

SOUNDS = sounds()
FEW = settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SEEDS = st.integers(0, 2**32).map(random.Random)


@pytest.fixture
def place(tmp_path, write_sound):
    for name in "ab":
        write_sound(f"{name}.wav", np.full(200, 0.1, np.float32))
    return tmp_path


def outcome(attempt):
    """Return what comes back, or the error of a file that is refused."""
    try:
        return attempt()
    except InputError as error:
        return error


@FEW
@given(SEEDS, st.sampled_from(sorted(SOUNDS)))
def test_a_changed_sound_is_finite_sound_or_refused(place, chance, name):
    path = place / "changed"
    path.write_bytes(changed(SOUNDS[name], chance, in_bytes))
    whole = outcome(lambda: data.read(path))
    pieces = outcome(lambda: list(data.blocks(path, sr=8000, seconds=1.0)))
    if isinstance(whole, InputError):
        assert str(path) in str(whole)
        assert "\n" not in str(whole)
        return
    samples, sr = whole
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    if sr == 8000:
        np.testing.assert_array_equal(np.concatenate(pieces), samples)


TABLES = {
    "path,label,group,split,fold,start,end\na.wav,a,x,train,1,0,0.01\nb.wav,b,y,test,2,,\n": data.csv,
    "path,labels\na.wav,a;b\nb.wav,\n": data.csv,
    "path,target\na.wav,1;2.5\nb.wav,-1e3;0\n": data.csv,
    "path,label,start,end\na.wav,a,0.1,0.2\nb.wav,,,\n": data.events,
}


@FEW
@given(SEEDS, st.sampled_from(sorted(TABLES)))
def test_a_changed_table_is_one_or_refused(place, chance, table):
    path = place / "table.csv"
    path.write_bytes(changed(table.encode(), chance, in_text))
    found = outcome(lambda: TABLES[table](path))
    assert str(path) in str(found) if isinstance(found, InputError) else len(found) > 0


@FEW
@given(st.binary(max_size=300), st.sampled_from(sorted(FORMATS)), st.integers(1, 5))
def test_any_bytes_of_a_pipe_are_samples_or_refused(content, form, channels):
    pieces = outcome(lambda: list(data.pcm(io.BytesIO(content), sr=100, channels=channels, form=form)))
    if isinstance(pieces, InputError):
        assert "begins like a" in str(pieces)
        return
    assert sum(map(len, pieces)) == len(content) // (channels * FORMATS[form].itemsize)
    assert form == "f32" or all(np.abs(piece).max() <= 1 for piece in pieces)


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--isolated"]])
def test_thousands_of_changed_files_do_no_harm(more):
    command = [sys.executable, "-m", "benchmarks.mutated", "--files", "5000", "--seed", "1", *more]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
