"""Where the repository lies, and scratch folders."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def scratch() -> Path:
    """A folder for what several test files share; pytest's own live no longer than one test."""
    home = Path(tempfile.mkdtemp(prefix="sluice-test-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home
