"""Images in one folder a class: `ROOT/<class>/*.png`, or `ROOT/{train,eval,test}/<class>/*.png`."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import SluiceError
from sources.format import FileSurvey, Format, Part, Rows, chosen
from sources.images import IMAGE, LABEL
from sources.storage import base_name, is_remote, match_files, plain_read_errors

PART_FILES = 5_000  # what one worker takes at a time
SUFFIXES = (".png", ".jpg", ".jpeg")
SPLIT_FOLDERS = ("train", "eval", "test")


@dataclass(frozen=True)
class FolderPart(Part):
    """Some of the images below `path`, as `<class>/<name>`, in the folder that holds the folders of classes."""

    images: tuple[str, ...]
    first: int = 0


class ImageFolder(Format[FolderPart]):
    """PNG and JPEG files in folders by class; a unit is the folder of one class.

    Example:
      >>> ImageFolder().select(["flowers"])
      ['flowers/daisy', 'flowers/rose']
      >>> part = ImageFolder().whole("flowers/daisy")
      >>> next(ImageFolder().read(part)).columns.to_pylist()[0]
      {'image': 'flowers/daisy/0000.png', 'label': 'daisy'}
    """

    name = "image_folder"
    title = "images in folders by class"
    fixed_columns = True
    suffixes = ()
    by_class = True

    def matches(self, path: str) -> bool:
        """Whether a folder here holds folders of images, and no data files of its own."""
        return looks_like_classes(path)

    def select(self, found: list[str]) -> list[str]:
        """The folders of the classes.

        Raises:
          SluiceError: when the files do not belong together.
        """
        return [folder for root in found for folder in class_folders(root)]

    def stored(self, path: str) -> list[str]:
        """The images of one class."""
        return [f"{path}/{name}" for name in image_names(path)]

    def columns(self, path: str) -> tuple[str, ...]:
        """Always the same two."""
        image_names(path)
        return IMAGE, LABEL

    def whole(self, path: str) -> FolderPart:
        """The images of one class."""
        return FolderPart(above(path), tuple(f"{class_of(path)}/{name}" for name in image_names(path)))

    def survey(self, path: str, ints: frozenset[str] = frozenset(), names_images: bool = False) -> FileSurvey:
        """By the names alone; the images are opened when their rows are read."""
        from sources.kinds import Kind

        part = self.whole(path)
        return FileSurvey(path, {IMAGE: Kind.BYTES, LABEL: Kind.BYTES}, [part], not part.images)

    def read(self, part: FolderPart, only: list[str] | None = None) -> Iterator[Rows]:
        """Where each image lies, and its class."""
        import numpy as np
        import pyarrow as pa

        paths = [f"{part.path}/{image}" for image in part.images]
        classes = [image.split("/", 1)[0] for image in part.images]
        columns = [pa.array(values, pa.string()) for values in (paths, classes)]
        batch = pa.RecordBatch.from_arrays(columns, [IMAGE, LABEL])
        yield Rows(chosen(batch, only), part.first + np.arange(len(paths)) + 1, True)

    def arrange(self, parts: Iterable[FolderPart]) -> list[FolderPart]:
        """The same images in parts of bounded size that hold all classes, in an order that their names' hashes decide:
        examples that stood class by class would be learnt so where images are too large to be shuffled in memory."""
        import xxhash

        by_folder: dict[str, list[str]] = {}
        for part in parts:
            by_folder.setdefault(part.path, []).extend(part.images)
        cut = []
        for folder, images in sorted(by_folder.items()):
            images.sort(key=lambda image: xxhash.xxh3_64_intdigest(image.encode()))
            starts = range(0, len(images), PART_FILES)
            cut += [FolderPart(folder, tuple(images[first : first + PART_FILES]), first) for first in starts]
        return cut


def looks_like_classes(root: str) -> bool:
    """Whether a folder holds folders of images and no data files of its own.

    Raises:
      SluiceError: when it is remote and its bucket cannot be used.
    """
    if is_remote(root):
        return _looks_like_classes_there(root)
    if not Path(root).is_dir():
        return False
    below = [entry for entry in Path(root).iterdir() if not entry.name.startswith((".", "_"))]
    return bool(below) and all(entry.is_dir() for entry in below) and bool(_folders_of_images(root))


def _looks_like_classes_there(root: str) -> bool:
    if glob.has_magic(root) or match_files(root):  # a pattern, or a file
        return False
    below = [path[len(root.rstrip("/")) + 1 :] for path in match_files(f"{root.rstrip('/')}/**")]
    seen = [path for path in below if not path.startswith((".", "_"))]
    return all("/" in path for path in seen) and any(_is_image(base_name(path)) for path in seen)


def class_folders(root: str) -> list[str]:
    """The folders of the classes, sorted.

    Raises:
      SluiceError: where there are none, or images lie outside of them.
    """
    if not is_remote(root) and not Path(root).is_dir():
        what = "is a file" if Path(root).exists() else "does not exist"
        raise SluiceError(f"{root} {what}; images by class need a folder.", f"Look:  ls -l {Path(root).parent}")
    folders = _folders_of_images(root)
    look = f"Look:  gcloud storage ls -r {root}" if is_remote(root) else f"Look:  ls -R {root} | head"
    if not folders:
        raise SluiceError(f"{root} has no folder with {', '.join(SUFFIXES)} files in it, one folder a class.", look)
    depths = {folder: _depth(root, folder) for folder in folders}
    for folder, depth in depths.items():
        if depth == 0:
            raise SluiceError(f"{root} holds images that lie in no folder of a class.", look)
        in_split = depth == 2 and split_folder(folder) is not None
        if depth > 2 or (depth == 2 and not in_split) or depth != depths[folders[0]]:
            raise SluiceError(
                f"{folder} holds images, and is neither ROOT/<class> nor ROOT/{{train,eval,test}}/<class> as "
                f"{folders[0]} is.",
                look,
            )
    if {base_name(folder) for folder in folders} <= set(SPLIT_FOLDERS):
        raise SluiceError(f"{root} has images by split, but not by class: a class is a folder of its own.", look)
    return folders


def class_of(folder: str) -> str:
    """The class whose images lie in a folder."""
    return base_name(folder)


def above(folder: str) -> str:
    """The folder that holds the folder of a class."""
    return folder.rstrip("/").rsplit("/", 1)[0]


def split_folder(folder: str) -> str | None:
    """The split that the folder above says; none when it is no split's name."""
    name = base_name(above(folder))
    return name if name in SPLIT_FOLDERS else None


def image_names(folder: str) -> list[str]:
    """The images of one class, sorted; markers and hidden files are none."""
    if is_remote(folder):
        names = [base_name(path) for path in match_files(f"{folder}/*")]
    else:
        with plain_read_errors(folder):
            names = [entry.name for entry in os.scandir(folder) if entry.is_file()]
    return sorted(name for name in names if _is_image(name))


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith((".", "_"))


def _folders_of_images(root: str) -> list[str]:
    if is_remote(root):
        paths = match_files(f"{root.rstrip('/')}/**")
        return sorted({path.rsplit("/", 1)[0] for path in paths if _is_image(base_name(path))})
    found = []
    for folder, below, names in os.walk(root, followlinks=True):
        below[:] = [name for name in below if not name.startswith((".", "_"))]
        if _depth(root, folder) > 2:
            below.clear()
        if any(map(_is_image, names)):
            found.append(folder)
    return sorted(found)


def _depth(root: str, folder: str) -> int:
    inside = folder.rstrip("/")[len(root.rstrip("/")) :]
    return inside.count("/")
