"""Files that belong to one split as a whole: those that `split.test_files` names, and images in folders named train,
eval and test. All other rows are assigned to the remaining splits."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import Any

from core.errors import SluiceError
from core.text import shortened
from pipeline.config.workload import SplitConfig
from sources.format import Format
from sources.image_folder import above, split_folder
from sources.storage import base_name

_TEST = "test"


def given_splits(files: Sequence[str], format_: Format[Any], split: SplitConfig) -> dict[str, str]:
    """Files → the split of all their rows; of images by class, the folders that hold the folders of classes.

    Raises:
      SluiceError: when `split.test_files` names no file, or every file.
    """
    if split.test_files is None:
        return _by_folder(files) if format_.by_class else {}
    names = {place: base_name(place) for place in (_place(path, format_) for path in files)}
    named = [place for place, name in names.items() if fnmatch.fnmatchcase(name, split.test_files)]
    seen = sorted(set(names.values()))
    listed = shortened(seen, 5)
    if not named:
        raise SluiceError(
            f"split.test_files is {split.test_files}, which matches none of the files: {listed}.",
            "Name others:  --set split.test_files='test*'  or have test assigned, too:  --set split.test_files=null",
        )
    if len(named) == len(names):
        raise SluiceError(
            f"split.test_files is {split.test_files}, which matches every file ({listed}): none is left to train.",
            "Name fewer:  --set split.test_files='test*'  or have test assigned, too:  --set split.test_files=null",
        )
    return dict.fromkeys(named, _TEST)


def is_test_file(path: str, format_: Format[Any], test_files: str | None) -> bool:
    """Whether `split.test_files` names this file; of images by class, the folder that holds their folders."""
    return test_files is not None and fnmatch.fnmatchcase(base_name(_place(path, format_)), test_files)


def _place(path: str, format_: Format[Any]) -> str:
    return above(path) if format_.by_class else path


def _by_folder(folders: Sequence[str]) -> dict[str, str]:
    """The folders eval and test as splits. A single name does not count: it may be the source itself."""
    splits = {above(folder): split_folder(folder) for folder in folders}
    if len(set(splits.values())) < 2:
        return {}
    return {folder: name for folder, name in splits.items() if name in ("eval", _TEST)}
