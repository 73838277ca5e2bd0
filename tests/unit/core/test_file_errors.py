"""What the system says of a file is a sentence; an error that names none is not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from core.file_errors import unusable, unwritable


def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(OSError) as below:
        (tmp_path / "taken/log").mkdir()
    with pytest.raises(OSError) as at:
        (tmp_path / "taken").mkdir()
    for caught, sentence in ((below, "taken/log cannot be used: a part of the path is a file"), (at, "is no folder")):
        found = unusable(caught.value)
        assert found is not None
        assert sentence in found.headline
        assert found.exit_code == 3


def test_an_error_without_a_file_and_a_file_that_is_not_there_may_be_a_defect(tmp_path: Path) -> None:
    assert unusable(OSError("connection lost")) is None
    with pytest.raises(FileNotFoundError) as absent:
        (tmp_path / "none").read_bytes()
    assert unusable(absent.value) is None


def test_a_full_disk_is_one_whichever_library_reports_it() -> None:
    full = os.strerror(errno.ENOSPC)
    wrapped = RuntimeError("the component failed")
    wrapped.__cause__ = OSError(errno.ENOSPC, full)
    of_the_store = RuntimeError("Error when executing query: database or disk is full query: INSERT INTO `Type`")
    for error in (
        OSError(errno.ENOSPC, full),
        RuntimeError(f"RESOURCE_EXHAUSTED: out/x; {full}"),
        wrapped,
        of_the_store,
    ):
        found = unwritable(error)
        assert found is not None
        assert found.headline == "the disk is full."
    named = unwritable(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "out/model"))
    assert named is not None
    assert (named.headline, named.next_command) == (
        "out/model cannot be used: your quota of the disk is used up.",
        "Make room:  df -h",
    )


def test_a_disk_that_can_only_be_read_is_one_in_the_words_of_sqlite_too() -> None:
    for words in (os.strerror(errno.EROFS), "attempt to write a readonly database"):
        found = unwritable(RuntimeError(f"FAILED: {words}"))
        assert found is not None
        assert (found.headline, found.next_command) == ("the disk can only be read.", "Look:  df -h")
    assert unwritable(RuntimeError("no table of this name")) is None


def test_a_folder_that_may_not_be_written_is_to_be_looked_at() -> None:
    found = unwritable(PermissionError(errno.EACCES, os.strerror(errno.EACCES), "out/model"))
    assert found is not None
    assert found.next_command == "Look:  ls -ld out/model"


def test_a_folder_in_the_place_of_a_file_may_be_a_defect_of_a_component() -> None:
    assert unwritable(IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), "out/model")) is None
    assert unwritable(None) is None


def test_what_was_raised_from_none_is_no_full_disk() -> None:
    defect = ValueError("another thing")
    defect.__context__, defect.__suppress_context__ = OSError(errno.ENOSPC, "full"), True
    assert unwritable(defect) is None
    defect.__suppress_context__ = False
    assert unwritable(defect) is not None
