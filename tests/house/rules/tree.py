"""The files of this repository as the rules look at them."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from pathlib import Path

from core.packages import PACKAGES
from tests.samples.folders import ROOT


@lru_cache
def our_files() -> list[Path]:
    """Every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def modules() -> list[Path]:
    """The Python files of the packages that are installed."""
    return [path for path in our_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES]


def shown(path: Path) -> str:
    """A path as a person would type it at the root."""
    return path.relative_to(ROOT).as_posix()
