"""The list of source formats."""

from __future__ import annotations

from collections.abc import Iterator

from sources.csv import CsvPart, _read_csv, _survey_csv
from sources.format import FileSurvey, Part, Rows
from sources.idx import IdxPart, _read_idx, _survey_idx
from sources.image_folder import FolderPart, _read_folder, _survey_folder
from sources.parquet import ParquetPart, _read_parquet, _survey_parquet
from sources.tfrecord import TfRecordPart, _read_tfrecord, _survey_tfrecord


def survey_file(path: str, format_: str, ints: frozenset[str] = frozenset(), names_images: bool = False) -> FileSurvey:
    """Reads a file once, without keeping it; `ints`: columns to look at more closely, as they may be ints;
    `names_images`: its rows are small and their images large."""
    if format_ == "idx":
        return _survey_idx(path)
    if format_ == "image_folder":
        return _survey_folder(path)
    if format_ == "csv":
        return _survey_csv(path, ints, names_images)
    return {"parquet": _survey_parquet, "tfrecord": _survey_tfrecord}[format_](path, ints)


def read_part(part: Part, only: list[str] | None = None) -> Iterator[Rows]:
    """The rows of a part in bounded batches; `only` reads some of the columns."""
    if isinstance(part, CsvPart):
        return _read_csv(part, only)
    if isinstance(part, ParquetPart):
        return _read_parquet(part, only)
    if isinstance(part, IdxPart):
        return _read_idx(part)
    if isinstance(part, FolderPart):
        return _read_folder(part)
    if isinstance(part, TfRecordPart):
        return _read_tfrecord(part)
    raise TypeError(f"no format reads {part!r}")
