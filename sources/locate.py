"""What is read when a path, a folder or a glob is named: which format, and its units one by one."""

from __future__ import annotations

from typing import Any

from core.errors import SluiceError
from sources.format import Format
from sources.formats import format_named, format_of_file, format_of_folder, readable_suffixes
from sources.paths import data_files, look
from sources.reading import AS_USUAL, Reading
from sources.storage import base_name

AUTO = "auto"


def locate(
    place: str, wanted: str = AUTO, unknown: str = "", reading: Reading = AS_USUAL
) -> tuple[Format[Any], list[str]]:
    """The format that is named or recognised, and what is read one by one, in the order of the names: files, or the
    folders of classes. `unknown`: the next command where no suffix tells the format.

    Raises:
      SluiceError: when there is nothing, when the format is unknown, or when several are mixed.
    """
    format_ = format_of_folder(place) if wanted == AUTO else format_named(wanted)
    is_folder = format_ is not None and format_.by_class
    files = [place] if is_folder else data_files(place)
    if format_ is None:
        format_ = _recognised(place, files, unknown)
    if format_.fixed_columns and reading.ignore_columns:
        raise SluiceError(
            f"{place} holds images and their labels, and data.ignore_columns names columns to leave out.",
            "Remove data.ignore_columns.",
        )
    return format_named(format_.name, reading), format_.select(files)


def _recognised(place: str, files: list[str], unknown: str) -> Format[Any]:
    first, *others = ((path, _by_suffix(path, unknown)) for path in files)
    for path, format_ in others:
        if format_ is not first[1]:
            raise SluiceError(
                f"{place} mixes formats: {base_name(first[0])} is {first[1].name} and {base_name(path)} is "
                f"{format_.name}.",
                look(place),
            )
    return first[1]


def _by_suffix(path: str, unknown: str) -> Format[Any]:
    format_ = format_of_file(path)
    if format_ is None:
        raise SluiceError(
            f"{path} has none of the suffixes {readable_suffixes()}, so its format is unknown.",
            unknown or f"Look:  file {path}",
        )
    return format_
