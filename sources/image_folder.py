"""Images in one folder a class: `ROOT/<class>/*.png`, or `ROOT/{train,eval,test}/<class>/*.png`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash

from sources.class_folders import above, class_of, image_names
from sources.format import FileSurvey, Part, Rows
from sources.images import IMAGE, LABEL
from sources.kinds import Kind

PART_FILES = 5_000  # what one worker takes at a time


@dataclass(frozen=True)
class FolderPart(Part):
    """Some of the images below `path`, as `<class>/<name>`, in the folder that holds the folders of classes."""

    images: tuple[str, ...]
    first: int = 0


def all_of(folder: str) -> FolderPart:
    """The images of one class."""
    return FolderPart(above(folder), tuple(f"{class_of(folder)}/{name}" for name in image_names(folder)))


def mixed(parts: Iterable[FolderPart]) -> list[FolderPart]:
    """The same images in parts of bounded size that hold all classes, in an order that their names' hashes decide:
    examples that stood class by class would be learnt so where images are too large to be shuffled in memory."""
    by_folder: dict[str, list[str]] = {}
    for part in parts:
        by_folder.setdefault(part.path, []).extend(part.images)
    cut = []
    for folder, images in sorted(by_folder.items()):
        images.sort(key=lambda image: xxhash.xxh3_64_intdigest(image.encode()))
        starts = range(0, len(images), PART_FILES)
        cut += [FolderPart(folder, tuple(images[first : first + PART_FILES]), first) for first in starts]
    return cut


def _survey_folder(path: str) -> FileSurvey:
    part = all_of(path)
    return FileSurvey(path, {IMAGE: Kind.BYTES, LABEL: Kind.BYTES}, [part], not part.images)


def _read_folder(part: FolderPart) -> Iterator[Rows]:
    paths = [f"{part.path}/{image}" for image in part.images]
    classes = [image.split("/", 1)[0] for image in part.images]
    columns = [pa.array(values, pa.string()) for values in (paths, classes)]
    yield Rows(pa.RecordBatch.from_arrays(columns, [IMAGE, LABEL]), part.first + np.arange(len(paths)) + 1, True)
