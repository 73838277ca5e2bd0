"""Which files a path stands for: one file, a folder or a glob; the same ones, in the same order, whatever they are
called."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import Literal

from core.errors import SluiceError
from sources.storage import plain_read_errors

Format = Literal["csv", "parquet", "tfrecord"]

_SUFFIXES: tuple[tuple[re.Pattern[str], Format], ...] = (
    (re.compile(r"\.csv(\.gz)?$", re.IGNORECASE), "csv"),
    (re.compile(r"\.(parquet|pq)$", re.IGNORECASE), "parquet"),
    # TFX and Spark name shards `x.tfrecord-00000-of-00004` and `data_tfrecord-00000-of-00001.gz`.
    (re.compile(r"\.tfrecords?(-\d+-of-\d+)?(\.gz)?$|\.gz$", re.IGNORECASE), "tfrecord"),
)
_READABLE = ".csv, .csv.gz, .parquet, .tfrecord, .tfrecord.gz or .gz"


def files_of(path: str) -> list[tuple[str, Format]]:
    """The data files of a path with their format, in an order that follows what they hold, not their names.

    Raises:
      SluiceError: when nothing is there, or it cannot be read as files of one format.
    """
    found = _found(path)
    files = [(each, _format(each)) for each in found]
    for each, format_ in files:
        if format_ != files[0][1]:
            raise SluiceError(
                f"{path} mixes formats: {Path(files[0][0]).name} is {files[0][1]} and {Path(each).name} is {format_}.",
                look(path),
            )
        with plain_read_errors(each):
            if not Path(each).stat().st_size:
                raise SluiceError(f"{each} is empty.", f"Look:  ls -l {each}")
    return files if len(files) == 1 else sorted(files, key=lambda file: _digest(file[0]))


def _found(path: str) -> list[str]:
    place = Path(path).expanduser()
    if "://" in path:
        raise SluiceError(f"{path} is not on this machine, and `gates` reads local files only.", "Copy it here first.")
    if place.is_file():
        return [str(place)]
    if place.is_dir():
        found = [str(each) for each in place.iterdir()]
    elif glob.has_magic(str(place)):
        found = glob.glob(str(place), recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
    else:
        raise SluiceError(f"{path} does not exist.", look(path))
    files = sorted(each for each in found if Path(each).is_file() and not Path(each).name.startswith((".", "_")))
    if not files:
        what = "is a folder without data files" if place.is_dir() else "matches no file"
        raise SluiceError(f"{path} {what}.", look(path))
    return files


def _format(path: str) -> Format:
    for suffix, format_ in _SUFFIXES:
        if suffix.search(path):
            return format_
    raise SluiceError(
        f"{path} has none of the suffixes {_READABLE}, so its format is unknown.",
        f"Look:  file {path}",
    )


def _digest(path: str) -> str:
    import xxhash

    digest = xxhash.xxh3_128()
    with plain_read_errors(path), Path(path).open("rb") as stored:
        while piece := stored.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()


def look(path: str) -> str:
    """The command that shows the nearest folder that exists."""
    folder = Path(path).expanduser()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return f"Look:  ls -l {folder}"
