"""Files are replaced as a whole or not at all."""

import os
from pathlib import Path

import pytest

from jaxlisten.errors import InputError, StorageError
from jaxlisten.files import replacing, sweep


def test_file_is_made_and_replaced(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("old", "new"):
        with replacing(path) as draft:
            draft.write_text(text)
        assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_draft_lies_beside_the_file_and_ends_like_it(tmp_path):
    with replacing(os.fspath(tmp_path / "a.onnx")) as draft:
        assert (draft.parent, draft.suffix) == (tmp_path, ".onnx")
        draft.touch()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_file_stays_as_it_was_where_the_block_raises(error, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with replacing(path) as draft:
            draft.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def save(path: Path) -> None:
    with replacing(path) as draft:
        draft.write_text("new")


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"can't save .*a\.txt: there is no folder .*none"):
        save(tmp_path / "none" / "a.txt")


def test_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(InputError, match=r"can't save .*a\.txt: "):
        save(tmp_path / "a.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_full_disk_is_an_error_of_ours_and_costs_nothing(tmp_path, small_disk):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write():
        with replacing(path) as draft:
            draft.write_bytes(bytes(1000))

    with small_disk(500), pytest.raises(StorageError, match="can't save .*: File too large; what was there before"):
        write()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write()


def test_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a"
    for text in ("old", "new"):
        with replacing(path) as draft:
            draft.mkdir()
            (draft / text).write_text(text)
        assert [file.name for file in path.iterdir()] == [text]
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    (tmp_path / ".mine").touch()
    with replacing(tmp_path / "a.txt") as draft:
        draft.touch()
        folder = draft.with_name(f"{draft.stem}-folder")
        folder.mkdir()
        (folder / "b").touch()
        sweep(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [".mine"]
        draft.touch()
