"""The serving log in a folder: whole files, within limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.log.record_files import RecordFiles
from sources.paths import data_files
from sources.tfrecord import read_records


def _records(folder: Path) -> list[bytes]:
    return [record for path in data_files(str(folder)) for record in read_records(path)]


def test_each_flush_is_a_file_and_the_files_are_in_the_order_of_time(tmp_path: Path) -> None:
    files = RecordFiles(tmp_path / "log", "taxi")
    files.add([b"1", b"2"])
    files.add([b"3"])
    assert len(data_files(str(tmp_path / "log"))) == 2
    assert _records(tmp_path / "log") == [b"1", b"2", b"3"]


@pytest.mark.parametrize("limits", [{"most_files": 3}, {"most_bytes": 3 * 116}])
def test_the_oldest_files_go(tmp_path: Path, limits: dict[str, int]) -> None:
    files = RecordFiles(tmp_path, "taxi", **limits)
    for number in range(10):
        files.add([b"%0100d" % number])
    assert [int(record) for record in _records(tmp_path)] == [7, 8, 9]


def test_a_file_that_is_larger_than_the_limit_alone_stays_until_the_next(tmp_path: Path) -> None:
    files = RecordFiles(tmp_path, "taxi", most_bytes=10)
    files.add([b"x" * 100])
    files.add([b"y" * 100])
    assert _records(tmp_path) == [b"y" * 100]


def test_files_of_others_stay_and_what_a_killed_process_left_unfinished_goes(tmp_path: Path) -> None:
    (tmp_path / "other-20200101T000000.000000.tfrecord").write_bytes(b"")
    (tmp_path / ".taxi-20200101T000000.000000.tfrecord.0a1b2c3d.part").write_bytes(b"cut sh")
    RecordFiles(tmp_path, "taxi", most_files=1).add([b"1"])
    names = sorted(path.name.partition("-")[0] for path in tmp_path.iterdir())
    assert names == ["other", "taxi"]


def test_a_folder_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    with pytest.raises(OSError, match="log"):
        RecordFiles(tmp_path / "log", "taxi").add([b"1"])
