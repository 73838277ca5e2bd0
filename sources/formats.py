"""The list of source formats. A path is of the first one that it matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.text import listed
from sources.csv import Csv
from sources.format import Format
from sources.idx import Idx
from sources.image_folder import ImageFolder
from sources.json_lines import JsonLines
from sources.parquet import Parquet
from sources.reading import AS_USUAL, Reading
from sources.tfrecord import TfRecord

FORMATS: tuple[Format[Any], ...] = (
    Csv(),
    Parquet(),
    JsonLines(),
    Idx(),
    TfRecord(),  # takes every .gz, so it comes after those that take some
    ImageFolder(),
)
NAMES = tuple(format_.name for format_ in FORMATS)


def format_named(name: str, reading: Reading = AS_USUAL) -> Format[Any]:
    """The format of this name, which is one of NAMES, for files that are read so."""
    found = next(format_ for format_ in FORMATS if format_.name == name)
    return found if reading == AS_USUAL else type(found)(reading)


def check_ignored(format_: Format[Any], files: Sequence[str]) -> None:
    """Refuses a column to leave out that the files of a source do not have, so far as a look at them can tell.

    Raises:
      SluiceError: when there is one, or a file cannot be read.
    """
    if format_.reading.ignore_columns:
        as_stored = format_named(format_.name, Reading(csv=format_.reading.csv))
        there = columns_of_all([as_stored.columns(path) for path in (files if format_.leaves_out else files[:1])])
        if there is not None:
            format_.reading.check(files[0], there, format_.leaves_out)


def columns_of_all(by_file: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """The columns that any of the files has; None when one of them cannot tell."""
    known = [columns for columns in by_file if columns is not None]
    return tuple(dict.fromkeys(name for each in known for name in each)) if len(known) == len(by_file) else None


def format_of_file(path: str) -> Format[Any] | None:
    """The format that the name of a file says; None when it says none."""
    return next((format_ for format_ in FORMATS if not format_.by_class and format_.matches(path)), None)


def format_of_folder(path: str) -> Format[Any] | None:
    """The format whose folders lie in a folder; None when it holds files, or is none."""
    return next((format_ for format_ in FORMATS if format_.by_class and format_.matches(path)), None)


def readable_suffixes() -> str:
    """What the names of files may end with, as a sentence lists them."""
    return listed([suffix for format_ in FORMATS for suffix in format_.suffixes], last="or")


def formats_of_files() -> str:
    """The formats of files with their suffixes, as a sentence lists them."""
    titles = [f"{format_.title} ({', '.join(format_.suffixes)})" for format_ in FORMATS if format_.suffixes]
    return listed(titles, last="or")
