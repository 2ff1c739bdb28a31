"""Transcripts from tables and arrays, through everything that a data set goes through."""

from typing import Literal

import numpy as np
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.data import Transcript, transcript_of
from jaxlisten.data.dataset import Dataset, union
from jaxlisten.data.transcripts import mostly_rare
from jaxlisten.train.store import put, take

SAID = ("one two two", "three", "two one")
AUDIO = tuple(0.1 * np.arange(1, n, dtype=np.float32) / n for n in (900, 400, 700))


def table(folder, said=SAID, column="transcript"):
    for i, clip in enumerate(AUDIO):
        soundfile.write(folder / f"{i}.wav", clip, 8000)
    rows = "".join(f'{i}.wav,"{text}"\n' for i, text in enumerate(said))
    (folder / "said.csv").write_text(f"path,{column}\n{rows}", encoding="utf-8")
    return folder / "said.csv"


def spoken(said=SAID, units: Literal["words", "characters"] = "words") -> Dataset:
    return jl.data.arrays(AUDIO, [transcript_of(text, units) for text in said], sr=8000)


def test_a_table_of_transcripts_is_told_by_its_column(tmp_path):
    data = jl.data.load(table(tmp_path))
    assert (data.kind, data.classes, data.targets.dtype) == ("transcripts", ("one", "three", "two"), np.int16)
    assert data.targets.tolist() == [[0, 2, 2], [1, -1, -1], [2, 0, -1]]
    assert jl.data.said_in(data.targets, data.classes) == list(SAID)
    again = jl.data.transcripts(tmp_path / "said.csv")
    assert again.fingerprint() == data.fingerprint()
    assert jl.tasks.infer(data.targets).name == "transcription"
    assert repr(data).startswith("Dataset(3 clips, 3 symbols")
    assert "symbol" in data._repr_html_()
    assert data.summary()["clips_per_class"] == {"one": 2, "three": 1, "two": 2}


def test_characters_have_the_space_among_them_and_words_never_do(tmp_path):
    data = jl.data.transcripts(table(tmp_path, ("no", "on  on", "n")), units="characters")
    assert data.classes == (" ", "n", "o")
    assert jl.data.said_in(data.targets, data.classes) == ["no", "on on", "n"]
    more = jl.data.load(tmp_path / "said.csv", classes=data.classes)  # the classes tell the units
    assert (more.targets == data.targets).all()
    assert jl.data.arrays(AUDIO, [transcript_of("no", "characters")] * 3, sr=8000).classes == (" ", "n", "o")


@pytest.mark.parametrize(
    ("said", "settings", "message"),
    [
        (("one", "", "two"), {}, "row 3: the cell 'transcript' is empty"),
        (("one", "four", "two"), {"classes": ("one", "two")}, "has the symbol 'four' in 'four', which is not one of"),
        (("one", "two", "two"), {"units": "letters"}, "expected units words or characters, got 'letters'"),
    ],
)
def test_tables_that_can_not_be_learnt_are_refused(tmp_path, said, settings, message):
    with pytest.raises(jl.InputError, match=message):
        jl.data.transcripts(table(tmp_path, said), **settings)


def test_other_tables_are_no_transcripts(tmp_path):
    with pytest.raises(jl.InputError, match="has no column 'transcript'"):
        jl.data.transcripts(table(tmp_path, column="label"))
    (tmp_path / "both.csv").write_text("path,label,transcript\n0.wav,a,b\n")
    with pytest.raises(jl.InputError, match="clips have targets of one kind"):
        jl.data.load(tmp_path / "both.csv")
    with pytest.raises(jl.InputError, match="is no table of transcripts, so it has no units"):
        jl.data.load(tmp_path, units="words")


@pytest.mark.parametrize("targets", [[[0, 3]], [[-1, 0]], [[0, -2]], [[-1, -1]]])
def test_targets_that_are_no_transcripts_are_refused(targets):
    with pytest.raises(jl.InputError, match="expected transcripts of"):
        Dataset(AUDIO[:1], np.array(targets, np.int16), ("a", "b"), 8000, ("clip",))


def test_integers_of_16_bits_are_labels_where_an_array_is_given():
    assert jl.data.arrays(AUDIO, np.eye(3, dtype=np.int16), sr=8000).kind == "labels"


def test_transcripts_go_through_subsets_unions_splits_and_batches():
    data = spoken()
    assert data.fingerprint() == data.subset([2, 0, 1]).fingerprint() != spoken(("one", *SAID[1:])).fingerprint()
    one, other = data.subset([1]), spoken(("one two", "two two two two", "one three"))
    assert one.counts.tolist() == [0, 1, 0]
    joined, places = union(
        [data, jl.data.arrays(other.audio[:1], [Transcript(("one",) * 5)], sr=8000, classes=data.classes)]
    )
    assert joined.targets.shape == (4, 5)
    assert [p.tolist() for p in places] == [[0, 1, 2], [3]]
    parts = jl.data.split(data, (0.7, 0.3))
    assert sum(map(len, parts)) == 3
    batch = jl.data.collate(data, [2, 0], 1000, 3)
    assert batch.y.values.dtype == batch.y.length.dtype == np.int32
    assert batch.y.values.tolist() == [[2, 0, 0], [0, 2, 2], [0, 0, 0]]
    assert batch.y.length.tolist() == [2, 3, 0]


def test_the_store_on_the_device_gives_the_batches_of_the_host():
    data = spoken()
    store = put(data, (1024,))
    got, want = take(store.shelves[0], np.array([2, 0, -1])), jl.data.collate(data, [2, 0], 1024, 3)
    for a, b in zip((*vars(got.y).values(), got.weight), (*vars(want.y).values(), want.weight), strict=True):
        assert np.asarray(a).tolist() == np.asarray(b).tolist()


def test_words_that_occur_once_are_worth_a_note():
    assert not mostly_rare(spoken().targets, spoken().classes)
    language = spoken(("the quick brown", "fox jumps", "over"))
    assert mostly_rare(language.targets, language.classes)
    assert not mostly_rare(*(lambda data: (data.targets, data.classes))(spoken(("abc d", "e", "f"), "characters")))
