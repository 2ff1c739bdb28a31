"""Files are replaced as a whole or not at all."""

import os
from pathlib import Path

import pytest

from jaxlisten.errors import InputError
from jaxlisten.files import replacing


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


def test_full_disk_is_an_error_of_ours(tmp_path):
    def write():
        with replacing(tmp_path / "a.txt"):
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="can't save .*: No space left on device"):
        write()
