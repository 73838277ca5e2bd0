"""The record of answers in a folder: numbered files of lines, of which the oldest go.

A file is begun by one process and never gone on with by another, so what a killed process left unfinished at its end
is cut short there, and only there.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

FOLDER = "answers"  # beside the state of a local endpoint
FILE_BYTES = 8 << 20
FILES = 8
_SUFFIX = ".jsonl"


class AnswerFiles:
    """Appends to the newest file, begins another one when it has `file_bytes`, and keeps `files` of them."""

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES, files: int = FILES) -> None:
        self._folder = folder
        self._file_bytes = file_bytes
        self._files = files
        self._file: BinaryIO | None = None

    def append(self, lines: bytes) -> None:
        """Writes whole lines.

        Raises:
          OSError: when the folder is full or cannot be written; the lines are lost.
        """
        if self._file is None or self._file.tell() >= self._file_bytes:
            self._begin()
        assert self._file is not None
        try:
            written = self._file.write(lines)
            if written != len(lines):
                raise OSError(f"{self._file.name} took {written} of {len(lines)} bytes: the disk is full")
        except OSError:
            # What follows must not go on within a line.
            self.close()
            raise

    def close(self) -> None:
        """Ends the present file; the next line begins another one."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _begin(self) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        numbers = _numbers(self._folder)
        self._file = _path(self._folder, max(numbers, default=0) + 1).open("xb", buffering=0)
        for old in numbers[: len(numbers) + 1 - self._files]:
            _path(self._folder, old).unlink(missing_ok=True)


def end_of(folder: Path) -> str:
    """The cursor behind the last whole line that is there."""
    numbers = _numbers(folder)
    if not numbers:
        return _cursor(0, 0)
    return _cursor(numbers[-1], len(_whole_lines(_path(folder, numbers[-1]), 0)))


def lines_after(folder: Path, cursor: str) -> tuple[list[bytes], str]:
    """The whole lines behind a cursor, and the cursor behind them. Those in files that are gone are left out."""
    number, offset = map(int, cursor.split(":"))
    found: list[bytes] = []
    for each in _numbers(folder):
        if each < number:
            continue
        begin = offset if each == number else 0
        content = _whole_lines(_path(folder, each), begin)
        found += content.splitlines()
        number, offset = each, begin + len(content)
    return found, _cursor(number, offset)


def _whole_lines(path: Path, offset: int) -> bytes:
    """From `offset` to the end of the last whole line; nothing of a file that was removed meanwhile."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return b""
    return content[: content.rfind(b"\n") + 1]


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdigit())


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}{_SUFFIX}"


def _cursor(number: int, offset: int) -> str:
    return f"{number}:{offset}"
