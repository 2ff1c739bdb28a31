"""Tables of numbers over time."""

import numpy as np
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.data import Contour, arrays, contours, windows
from jaxlisten.errors import InputError

SR = 1000


@pytest.fixture
def table(tmp_path):
    """Return what writes a table of recordings of two seconds, a.wav and b.wav."""
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", np.full(2 * SR, 0.1 if name == "a" else 0.2), SR, subtype="FLOAT")

    def written(*rows, head="path,time,target"):
        (tmp_path / "t.csv").write_text("\n".join([head, *rows]) + "\n")
        return tmp_path / "t.csv"

    return written


def test_rows_become_points_and_an_empty_cell_is_not_known(table):
    data = contours(table("a.wav,0,1.5", "b.wav,0.5,2", "a.wav,1,2.5", "b.wav,0.6,3", "b.wav,0.9,", "b.wav,1,7"))
    assert (data.kind, data.classes, data.sr, len(data)) == ("contours", ("target",), SR, 2)
    np.testing.assert_array_equal(data.targets[0, :, 0], [[0, 1.5], [1, 2.5], [1, 2.5], [1, 2.5]])
    np.testing.assert_array_equal(data.targets[1, :, 0, 1], [2, 3, np.nan, 7])
    assert data.summary()["numbers"] == {"target": {"min": 1.5, "median": 2.5, "max": 7.0}}
    assert "2.5" in data._repr_html_()
    assert data.subset([1, 0]).fingerprint() == data.fingerprint() != data.subset([0]).fingerprint()
    assert jl.data.health(data).classes == {}


def test_several_numbers_groups_and_splits(table):
    rows = ("a.wav,0,1;2,x,train", "a.wav,1,3;4,x,train", "b.wav,0,5;6,y,dev", "b.wav,2,7;8,y,dev")
    data = contours(table(*rows, head="path,time,target,group,split"), classes=("joy", "calm"))
    assert data.targets.shape == (2, 2, 2, 2)
    assert data.targets[1, :, 1].tolist() == [[0, 6], [2, 8]]
    assert (data.groups, data.splits) == (("x", "y"), ("train", "validation"))
    assert contours(table(*(row[: row.index(",", 9)] for row in rows))).classes == ("target 0", "target 1")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("a.wav,0,1", "a.wav,1,loud"), r"row 3: the cell 'target' has 'loud'; write a number"),
        (("a.wav,0,1", "a.wav,1,nan"), r"row 3: the cell 'target' has 'nan'"),
        (("a.wav,0,1", "a.wav,soon,1"), r"row 3: the cell 'time' is 'soon'"),
        (("a.wav,0,1", "a.wav,,1"), r"row 3: the cell 'time' is empty"),
        (("a.wav,1,1", "a.wav,0.5,1"), r"row 3: the time 0.5 s of 'a.wav' comes behind 1 s; sort"),
        (("a.wav,1,1", "a.wav,1,1"), r"row 3: the time 1 s of 'a.wav' comes behind 1 s"),
        (("a.wav,0,1", "a.wav,2.5,1"), r"row 3: the time 2.5 s is behind the end of 'a.wav', at 2.000 s"),
        (("a.wav,0,1", "a.wav,1,1;2"), r"row 2: the cell 'target' holds 1 numbers, others 2"),
        (("a.wav,0,", "a.wav,1,"), r"'a.wav' has no number in 'target' at two times in succession"),
        (("a.wav,0,1", "a.wav,1,", "a.wav,1.5,1"), "nothing to learn from it"),
        (("a.wav,0,1", ",1,1"), r"row 3: the cell 'path' is empty"),
        ((), "lists no recordings"),
    ],
)
def test_a_wrong_row_is_named(table, rows, message):
    with pytest.raises(InputError, match=message):
        contours(table(*rows))


def test_a_table_without_the_columns_is_refused(table):
    with pytest.raises(InputError, match="has no column 'time'"):
        contours(table("a.wav,1", head="path,target"))


def test_windows_keep_the_lines(table):
    data = contours(table("a.wav,0,0", "a.wav,2,20", "b.wav,0.2,1", "b.wav,0.4,2"))
    cut = windows(data, 1.0, hop=1.0)
    assert cut.paths[0].endswith("a.wav#t=0,1")
    values = jl.tasks.values_at(cut.targets, [4] * 4, 0.25)
    np.testing.assert_allclose(values[1][:, 0], [11.25, 13.75, 16.25, 18.75], rtol=1e-5)
    np.testing.assert_allclose(values[2][:, 0], [np.nan, 1.875, np.nan, np.nan], rtol=1e-5)
    assert np.isnan(values[3]).all()


@pytest.mark.parametrize(
    ("times", "values", "message"),
    [
        ([0.0], [1.0], "two or more"),
        ([0.0, 1.0], [1.0], "two or more"),
        ([1.0, 0.0], [1.0, 2.0], "each behind the one before it"),
        ([0.0, np.nan], [1.0, 2.0], "finite times"),
        ([0.0, 1.0], [1.0, np.inf], "got infinity"),
        ([0.0, 1.0], [1.0, np.nan], "two points in succession"),
    ],
)
def test_what_is_no_contour_is_refused(times, values, message):
    with pytest.raises(InputError, match=message):
        Contour(times, values)


def test_clips_with_other_numbers_are_refused():
    one, two = Contour([0, 1], [1, 2]), Contour([0, 1], [[1, 2], [3, 4]])
    with pytest.raises(InputError, match="from 1 to 2 numbers"):
        arrays(np.zeros((2, 10)), [one, two], sr=10)
    data = arrays(np.zeros((2, 10)), [one, one], sr=10)
    assert data.classes == ("target",)
    with pytest.raises(InputError, match="a name for each of 1 numbers"):
        jl.data.Dataset(data.audio, data.targets, ("a", "b"), 10, data.paths)
