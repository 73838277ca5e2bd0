"""The plan for images before the first row is written: their source, the one shape that all of them have, and the
integers of classes in words."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import SluiceError
from core.text import nearest
from pipeline.config.workload import DataConfig
from sources.format import FileSurvey, Format
from sources.image_folder import above, class_of
from sources.images import IMAGE, ImageShape, as_lists_of_pixels, beside, first_shape, read_images, texts_in
from sources.kinds import Kind
from sources.storage import base_name

_CLASSES = "See what it means:  python runners/local_runner.py --explain data.class_names"


@dataclass(frozen=True)
class ImagePlan:
    """`path_column` holds the path of each image; None where the files hold the pixels."""

    shape: ImageShape
    path_column: str | None


def plan_images(
    data: DataConfig, surveys: Sequence[FileSurvey], format_: Format[Any], kinds: dict[str, Kind]
) -> ImagePlan | None:
    """The images of a source; none when it has no such column.

    Raises:
      SluiceError: for images of several shapes, or none that can be read.
    """
    if any(survey.shape is not None for survey in surveys):
        return ImagePlan(_agreed(surveys), None)
    column = IMAGE if format_.by_class else data.image_path_column
    if column is None or column not in kinds:  # a serving log holds the pixels
        return None
    if column != IMAGE and IMAGE in kinds:
        raise SluiceError(
            f"{surveys[0].path} already has a column `{IMAGE}`, and the images that `{column}` names would be "
            "called so.",
            "Rename that column in the table.",
        )
    shape = first_shape(path for survey in surveys for path in _paths(survey, format_, column))
    if shape is None:
        raise SluiceError(
            f"none of the images that {base_name(surveys[0].path)} names can be read.", f"Look:  ls {surveys[0].path}"
        )
    return ImagePlan(shape, column)


def names_in_data(data: DataConfig, format_: Format[Any]) -> tuple[str, ...]:
    """`data.class_names` as the rows spell them. A folder's name holds no slash: the folder of `T-shirt/top` is
    `T-shirt_top`, unless that is a class, too."""
    return _names_of_folders(data.class_names) if format_.by_class else tuple(data.class_names)


def _names_of_folders(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name if (folder := name.replace("/", "_")) in names else folder for name in names)


def check_class_folders(data: DataConfig, folders: Sequence[str], partial: bool) -> None:
    """Checks that folders of images and `data.class_names` name the same classes; `partial` data, such as a serving
    log, may lack some of them.

    Raises:
      SluiceError: when they do not, or when `data.class_names` does not give the integers of the folders' names.
    """
    found = {class_of(path): path for path in reversed(folders)}
    if not data.class_names:
        names = json.dumps(sorted(found), ensure_ascii=False)
        raise SluiceError(
            f"{above(folders[0])} holds images in folders by class, and data.class_names does not say which of them "
            "is 0, 1, 2 and so on.",
            _CLASSES if partial else f"In the order of their names:  --set {shlex.quote(f'data.class_names={names}')}",
        )
    known = dict(zip(_names_of_folders(data.class_names), data.class_names, strict=True))
    for folder, path in sorted(found.items()):
        if folder not in known:
            near = nearest(folder, known)
            hint = f"; is it `{near}`?" if near else "."
            raise SluiceError(
                f"{path} holds the class `{folder}`, which data.class_names does not list{hint}", _CLASSES
            )
    if not partial and (empty := [folder for folder in known if folder not in found]):
        called = "of that name" if empty[0] == known[empty[0]] else f"`{empty[0]}`"
        raise SluiceError(f"data.class_names lists `{known[empty[0]]}`, and no folder {called} holds images.", _CLASSES)


def image_column(paths: pa.LargeBinaryArray, table: str, shape: ImageShape) -> tuple[pa.LargeListArray, dict[int, str]]:
    """The pixels of the images that the rows of a table name; and the reason for each row without an image."""
    found = [None if path is None else beside(table, path.decode("utf-8", "replace")) for path in paths.to_pylist()]
    named = [place for place, path in enumerate(found) if path is not None]
    pixels, unreadable = read_images([found[place] or "" for place in named], shape)
    reasons = {named[place]: reason for place, reason in unreadable.items()}
    reasons |= {place: "names no image" for place, path in enumerate(found) if path is None}
    present = np.array([place not in reasons for place in range(len(found))], bool)
    whole = np.zeros((len(found), shape.values), np.uint8)
    whole[named] = pixels
    return as_lists_of_pixels(whole, present), reasons


def _agreed(surveys: Sequence[FileSurvey]) -> ImageShape:
    shapes = {survey.path: survey.shape for survey in surveys if survey.shape is not None}
    first = surveys[0].path
    for path, shape in shapes.items():
        if shape != shapes[first]:
            raise SluiceError(
                f"{path} holds images of {shape}, and {base_name(first)} of {shapes[first]}: all must be alike.",
                f"Look:  zcat -f {path} | head -c 16 | xxd",
            )
    return shapes[first]


def _paths(survey: FileSurvey, format_: Format[Any], column: str) -> Iterator[str]:
    for part in survey.parts:
        for rows in format_.read(part, [column]):
            yield from (beside(survey.path, path) for path in texts_in(rows.columns, column))
