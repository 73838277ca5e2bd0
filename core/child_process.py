"""Processes that are started from here: what they need to find our modules, and how they ended."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def child_environment() -> dict[str, str]:
    """The variables of this process, and the packages of this repository for another Python in whatever folder."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])}


def ending_in_words(code: int) -> str:
    """The return code of a process that has ended, as `subprocess` gives it: negative for a signal."""
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
