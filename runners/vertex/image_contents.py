"""What the container image has of this checkout, as a folder: for containers that run without the image."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.packages import PACKAGES
from core.stack import IMAGE
from runners.provenance import ROOT

# With the packages, what .dockerignore lets into the image; a test compares them.
BESIDE = ("configs", "schema", "pyproject.toml", IMAGE.lock, "setup.py")


def copy_code(folder: Path, root: Path = ROOT) -> Path:
    """Fill `folder` with it, anew; a module elsewhere in the checkout is missing there as it is in the image."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in (*PACKAGES, *BESIDE):
        place = root / name
        if place.is_dir():
            shutil.copytree(place, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif place.exists():
            shutil.copy2(place, folder / name)
    return folder
