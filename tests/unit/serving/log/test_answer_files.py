"""The record of answers in a folder: bounded, and read from any place on while it is written."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.log.answer_files import AnswerFiles, end_of, lines_after


def test_what_is_appended_after_a_cursor_is_read_once(tmp_path: Path) -> None:
    files = AnswerFiles(tmp_path)
    files.append(b"1\n")
    cursor = end_of(tmp_path)
    files.append(b"2\n3\n")
    lines, cursor = lines_after(tmp_path, cursor)
    assert lines == [b"2", b"3"]
    assert lines_after(tmp_path, cursor) == ([], cursor)
    files.append(b"4\n")
    assert lines_after(tmp_path, cursor)[0] == [b"4"]


def test_a_cursor_in_a_folder_that_is_not_there_yet_is_before_the_first_line(tmp_path: Path) -> None:
    cursor = end_of(tmp_path / "answers")
    AnswerFiles(tmp_path / "answers").append(b"1\n")
    assert lines_after(tmp_path / "answers", cursor)[0] == [b"1"]


def test_the_oldest_files_go_and_a_reader_goes_on_with_what_is_there(tmp_path: Path) -> None:
    files = AnswerFiles(tmp_path, file_bytes=10, files=3)
    cursor = end_of(tmp_path)
    for number in range(100):
        files.append(b"%04d\n" % number)
        assert len(list(tmp_path.iterdir())) <= 3
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * 15
    lines, cursor = lines_after(tmp_path, cursor)
    assert lines == [b"%04d" % number for number in range(100 - len(lines), 100)]
    assert len(lines) >= 4
    assert lines_after(tmp_path, cursor)[0] == []


def test_a_reader_follows_over_the_ends_of_files(tmp_path: Path) -> None:
    files, cursor, found = AnswerFiles(tmp_path, file_bytes=10), end_of(tmp_path), []
    for number in range(50):
        files.append(b"%d\n" % number)
        lines, cursor = lines_after(tmp_path, cursor)
        found += lines
    assert found == [b"%d" % number for number in range(50)]


def test_a_line_that_a_killed_process_left_unfinished_is_ignored_and_never_gone_on_with(tmp_path: Path) -> None:
    AnswerFiles(tmp_path).append(b"1\n")
    cursor = end_of(tmp_path)
    with next(tmp_path.iterdir()).open("ab") as file:
        file.write(b"2\n3 is cut sh")
    lines, torn = lines_after(tmp_path, cursor)
    assert lines == [b"2"]
    AnswerFiles(tmp_path).append(b"4\n")
    assert lines_after(tmp_path, torn)[0] == [b"4"]
    assert lines_after(tmp_path, cursor)[0] == [b"2", b"4"]


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk: the system writes a part, then refuses."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_was_full_leaves_no_line_that_is_two(tmp_path: Path) -> None:
    files = AnswerFiles(tmp_path)
    files.append(b"1\n")
    with _files_of_at_most(10), pytest.raises(OSError, match="disk is full"):
        files.append(b"a line of more than 10 bytes\n")
    files.append(b"3\n")
    assert lines_after(tmp_path, "0:0")[0] == [b"1", b"3"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        AnswerFiles(tmp_path / "answers").append(b"1\n")


def test_a_file_in_place_of_the_folder_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("")
    with pytest.raises(OSError, match="answers"):
        AnswerFiles(tmp_path / "answers").append(b"1\n")
