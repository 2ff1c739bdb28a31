"""Tables of what is heard when."""

import pytest

from jaxlisten import InputError
from jaxlisten.data import Event, events, is_background, is_negative


def table(folder, text):
    path = folder / "events.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_events_come_by_recording_in_the_order_of_time(tmp_path):
    path = table(tmp_path, "path,label,start,end\nb.wav,dog,3,4.5\na.wav,,,\nb.wav,cat,1,2\n\n")
    assert events(path) == {
        str(tmp_path / "b.wav"): [Event("cat", 1.0, 2.0), Event("dog", 3.0, 4.5)],
        str(tmp_path / "a.wav"): [],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label,start\na.wav,dog,1\n", "has no column 'end'"),
        ("path,label,start,end\n", "lists no recordings"),
        ("path,label,start,end\n,dog,1,2\n", "row 2: the cell 'path' is empty"),
        ("path,label,start,end\na.wav,dog,1,\n", "row 2: an event needs label, start and end"),
        ("path,label,start,end\na.wav,,1,2\n", "row 2: an event needs label, start and end"),
        ("path,label,start,end\na.wav,dog,2,1\n", "row 2: the event starts at 2 s, which is not before its end at 1 s"),
        ("path,label,start,end\na.wav,dog,x,1\n", "row 2: the cell 'start' is 'x'"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        events(table(tmp_path, text))


def test_names_tell_what_is_not_to_be_found():
    assert [name for name in ("dog", "_unknown_", "_silence_", "_background_") if is_negative(name)] == [
        "_unknown_",
        "_silence_",
        "_background_",
    ]
    assert [is_background(name) for name in ("_silence_", "_Noise", "_unknown_", "noise")] == [True, True, False, False]
