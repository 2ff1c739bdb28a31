"""Tables: what is loaded, what is left out and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jaxlisten.data import csv, load
from jaxlisten.errors import InputError


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "clips.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_gives_all_its_columns(sounds, encoding):
    text = (
        "path,label,group,split,start,end,remark\n"
        "dog/rex_1.wav,hund,a,train,0.1,0.3,x\n"
        f'"{sounds}/cat/tom_1.wav","Katze, ü",b,VAL,,,\n'
        "\n"
        "cat/tom_2.wav,hund,b,dev,0.25,,\n"
        "cat/tom_2.wav,hund,b,test,,0.25,\n"
    )
    data = csv(table(sounds, text, encoding))
    assert data.classes == ("Katze, ü", "hund")
    assert data.targets.tolist() == [1, 0, 1, 1]
    assert data.groups == ("a", "b", "b", "b")
    assert data.splits == ("train", "validation", "validation", "test")
    assert data.lengths.tolist() == [1600, 4000, 2000, 2000]
    assert data.paths[0].endswith("rex_1.wav#t=0.1,0.3")
    assert data.paths[2].endswith("tom_2.wav#t=0.25")


def test_a_table_needs_no_more_than_path_and_label(sounds):
    data = csv(table(sounds, ",path,label\r\n0,dog/rex_1.wav,dog\r\n1,cat/tom_1.wav,cat\r\n,,\r\n"))
    assert (len(data), data.groups, data.splits) == (2, None, None)
    assert csv(sounds / "clips.csv", group_by="[a-z]+_").groups == ("rex_", "tom_")
    assert csv(sounds / "clips.csv", classes=("dog", "cat")).targets.tolist() == [0, 1]


def test_a_column_that_says_when_a_clip_was_recorded_is_as_any_other(sounds):
    assert len(csv(table(sounds, "path,time,target\ndog/rex_1.wav,noon,1\ncat/tom_1.wav,noon,2\n"))) == 2


def test_rows_whose_clip_cannot_be_read_are_listed_with_their_number(sounds):
    text = "path,label,end\ndog/rex_1.wav,dog,\ngone.wav,dog,\ndog/rex_1.wav,dog,9\n"
    data = csv(table(sounds, text))
    assert len(data) == 1
    assert data.skipped[0].reason.startswith("row 3: there is no file")
    assert data.skipped[1].reason.startswith("row 4: ")
    assert "0.500 s long" in data.skipped[1].reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'path' .found: none, the file is empty"),
        ("path,label\n", "lists no clips"),
        ("file,label\na,b\n", "no column 'path' .found: 'file', 'label'"),
        ("path,class\na,b\n", "no column 'label' .found: 'path', 'class'"),
        ("path;label\na;b\n", "no column 'path' .found: 'path;label'"),
        ("path,label\ndog/rex_1.wav,\n", "row 2: the cell 'label' is empty"),
        ("path,label\n,dog\n", "row 2: the cell 'path' is empty"),
        ("path,label\ndog/rex_1.wav\n", "row 2: the cell 'label' is empty"),
        ("path,label\na,b,c\n", "row 2: more cells than columns"),
        ("path,label,group\ndog/rex_1.wav,dog,\n", "row 2: the cell 'group' is empty"),
        ("path,label,split\ndog/rex_1.wav,dog,train\ndog/rex_1.wav,dog,fold1\n", "row 3: 'fold1' is not a split"),
        ("path,label,split\ndog/rex_1.wav,dog,\n", "row 2: the cell 'split' is empty"),
        ("path,label,start\ndog/rex_1.wav,dog,soon\n", "row 2: the cell 'start' is 'soon'"),
        ("path,label,end\ndog/rex_1.wav,dog,nan\n", "row 2: the cell 'end' is 'nan'"),
        ("path,label,start\ndog/rex_1.wav,dog,-1\n", "row 2: the cell 'start' is '-1'"),
        ("path,label,start,end\ndog/rex_1.wav,dog,0.3,0.1\n", "row 2: the clip starts at 0.3 s"),
        ("path,label,labels\na,b,b\n", "the columns 'label' and 'labels', but .* one kind"),
        ("path,labels,target\na,b,1\n", "the columns 'labels' and 'target', but .* one kind"),
        ("path,labels\ndog/rex_1.wav,\ncat/tom_1.wav,;\n", "gives no clip a label"),
        ("path,target\ndog/rex_1.wav,loud\n", "row 2: the cell 'target' has 'loud'; write a number"),
        ("path,time,target\ndog/rex_1.wav,0,1\ndog/rex_1.wav,0.1,2\n", "row 3: a second target .* --task contours"),
        ("path,target\ndog/rex_1.wav,1;\n", "row 2: the cell 'target' has ''; write a number"),
        ("path,target\ndog/rex_1.wav,inf\n", "row 2: the cell 'target' has 'inf'; write a number"),
        (
            "path,target\ndog/rex_1.wav,1;2\ncat/tom_1.wav,3\n",
            "row 3: the cell 'target' holds 1 numbers, the first one 2",
        ),
        ("path,label\nx.wav,dog\ny.wav,dog\n", "none of 2 clips can be read: row 2: there is no file"),
    ],
)
def test_a_wrong_table_is_refused(sounds, text, message):
    with pytest.raises(InputError, match=message) as caught:
        csv(table(sounds, text))
    assert "clips.csv" in str(caught.value)


def test_a_table_that_is_no_text_or_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="not UTF-8"):
        csv(table(tmp_path, "path,label\nhündchen.wav,hündchen\n", "latin-1"))
    with pytest.raises(InputError, match="there is no file .*none.csv'; check the name"):
        load(tmp_path / "none.csv")


def test_labels_are_columns_of_ones_and_may_be_none(sounds):
    text = "path,labels\ndog/rex_1.wav,dog; rain\ncat/tom_1.wav,\ncat/tom_2.wav,rain;;cat\n"
    data = csv(table(sounds, text))
    assert (data.kind, data.classes, data.targets.dtype) == ("labels", ("cat", "dog", "rain"), np.int8)
    assert data.targets.tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 1]]
    ordered = csv(sounds / "clips.csv", classes=("rain", "dog", "cat", "owl"))
    assert ordered.targets.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0]]
    with pytest.raises(InputError, match="the label 'cat', 'rain', which is not one of the 1 classes"):
        csv(sounds / "clips.csv", classes=("dog",))


def test_numbers_are_one_column_or_several(sounds):
    one = csv(table(sounds, "path,target\ndog/rex_1.wav,1.5\ncat/tom_1.wav,-2e3\n"))
    assert (one.kind, one.classes, one.targets.dtype) == ("numbers", ("target",), np.float32)
    assert one.targets.tolist() == [1.5, -2000]
    two = csv(table(sounds, "path,target\ndog/rex_1.wav,1;2\ncat/tom_1.wav, 3 ; 4 \n"))
    assert (two.classes, two.targets.tolist()) == (("target 0", "target 1"), [[1, 2], [3, 4]])
    assert csv(sounds / "clips.csv", classes=("valence", "arousal")).classes == ("valence", "arousal")
    with pytest.raises(InputError, match="2 numbers for the 1 names valence"):
        csv(sounds / "clips.csv", classes=("valence",))


def test_the_number_of_a_class_beside_its_name_is_ignored(sounds):
    data = csv(table(sounds, "path,target,label\ndog/rex_1.wav,7,dog\ncat/tom_1.wav,,cat\n"))
    assert (data.kind, data.classes) == ("class", ("cat", "dog"))


def test_folds_are_kept_where_every_clip_has_one(sounds):
    rows = "dog/rex_1.wav,dog,2\ncat/tom_1.wav,cat,{}\n"
    assert csv(table(sounds, "path,label,fold\n" + rows.format("10"))).folds == ("2", "10")
    assert csv(table(sounds, "path,label,fold\n" + rows.format(""))).folds is None
