"""Which folders hold the images of one class each: `ROOT/<class>/*.png`, or `ROOT/{train,eval,test}/<class>/*.png`."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import SluiceError
from sources.storage import base_name, is_remote, match_files, plain_read_errors

SUFFIXES = (".png", ".jpg", ".jpeg")
SPLIT_FOLDERS = ("train", "eval", "test")


def looks_like_classes(root: str) -> bool:
    """Whether a local folder holds folders of images and no data files of its own."""
    if is_remote(root) or not Path(root).is_dir():
        return False
    below = [entry for entry in Path(root).iterdir() if not entry.name.startswith((".", "_"))]
    return bool(below) and all(entry.is_dir() for entry in below) and bool(_folders_of_images(root))


def class_folders(root: str) -> list[str]:
    """The folders of the classes, sorted.

    Raises:
      SluiceError: when there are none, or images lie outside of them.
    """
    if not is_remote(root) and not Path(root).is_dir():
        what = "is a file" if Path(root).exists() else "does not exist"
        raise SluiceError(f"{root} {what}; images by class need a folder.", f"Look:  ls -l {Path(root).parent}")
    folders = _folders_of_images(root)
    look = f"Look:  ls -R {root} | head"
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
