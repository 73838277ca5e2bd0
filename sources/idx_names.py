"""Which idx files belong together, by their names: `…-images-idx3-ubyte(.gz)` beside `…-labels-idx1-ubyte(.gz)`."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import SluiceError
from sources.storage import base_name, is_remote, match_files

NAME = re.compile(r"(?P<what>images|labels)[.-]idx[134]-ubyte(\.gz)?$")


def image_files(files: list[str]) -> list[str]:
    """The files of images among these.

    Raises:
      SluiceError: when there are images without labels or labels without images.
    """
    images = [path for path in files if says(path, "images")]
    for path in files:
        if path.removesuffix(".gz") in files and path.endswith(".gz"):
            plain = base_name(path).removesuffix(".gz")
            raise SluiceError(
                f"{path} stands beside {plain}: these are the same rows twice.", f"Remove one:  rm {path}"
            )
        if says(path, "labels"):
            _partner(path, "images", f"{path} holds labels, and the images that belong to them are missing")
    for path in images:
        labels_of(path)
    if not images:
        raise SluiceError(
            f"{files[0]} is no idx file of images by its name: those end in images-idx3-ubyte or "
            "images-idx3-ubyte.gz, each beside its labels-idx1-ubyte.",
            f"Look:  ls -l {Path(files[0]).parent}",
        )
    return images


def labels_of(path: str) -> str:
    """The file of the labels that belong to a file of images.

    Raises:
      SluiceError: when there is none.
    """
    return _partner(path, "labels", f"{path} holds images, and their labels are missing")


def says(path: str, what: str) -> bool:
    """Whether a file holds `images` or `labels`, by its name."""
    match = NAME.search(base_name(path))
    return match is not None and match["what"] == what


def _partner(path: str, what: str, lament: str) -> str:
    wanted = "1" if what == "labels" else "[34]"
    stem = path[: NAME.search(path).start()]  # type: ignore[union-attr]
    folder = str(Path(path).parent)
    beside = match_files(f"{stem}*") if is_remote(path) else map(str, Path(folder).iterdir())
    pattern = re.compile(re.escape(f"{stem}{what}") + rf"[.-]idx{wanted}-ubyte(\.gz)?\Z")
    if found := sorted(name for name in beside if pattern.match(name)):
        return found[0]
    plain = f"{base_name(stem)}{what}-idx{wanted.replace('[34]', '3')}-ubyte.gz"
    raise SluiceError(f"{lament}: there is no {plain} in {folder}.", f"Look:  ls -l {folder}")
