"""What the system says of a file is a sentence; an error that names none is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.file_errors import unusable


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
