"""The data files that a path, a folder or a glob stands for, here or on any file system that Beam knows."""

from __future__ import annotations

import glob
import re
from pathlib import Path

from core.errors import SluiceError
from sources.storage import base_name, folder_of, is_remote, listing_of, match_files


def data_files(place: str) -> list[str]:
    """The files of a path, sorted; markers (`_SUCCESS`) and hidden files are no data.

    Raises:
      SluiceError: when there is none.
    """
    if is_remote(place):
        found = glob_files(place) or glob_files(place.rstrip("/") + "/*")
    elif Path(place).is_dir():
        found = [str(path) for path in Path(place).iterdir()]
    elif Path(place).exists():
        return [place]
    elif not glob.has_magic(place):
        raise SluiceError(f"{place} does not exist.", look(place))
    else:
        found = glob_files(place)
    files = sorted(path for path in found if _is_data(path))
    if not files:
        what = "matches no file" if is_remote(place) or not Path(place).is_dir() else "is a folder without data files"
        raise SluiceError(f"{place} {what}.", look(place))
    return files


def glob_files(pattern: str) -> list[str]:
    """What a glob matches; nothing is no error."""
    if is_remote(pattern):
        return list(match_files(pattern))
    return glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns


def look(place: str) -> str:
    """The command that shows the nearest folder that exists; of a remote place, the part before its first pattern."""
    if is_remote(place):
        named = re.split(r"[*?\[{]", place, maxsplit=1)[0]
        return f"Look:  {listing_of(place if named == place else folder_of(named + 'x'))}"
    folder = Path(place)
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return f"Look:  ls -l {folder}"


def _is_data(path: str) -> bool:
    return not base_name(path).startswith((".", "_")) and (is_remote(path) or Path(path).is_file())
