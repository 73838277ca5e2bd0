"""Lets `python runners/local_runner.py` work with whatever Python was typed: goes on in the project's environment."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def enter_environment() -> None:
    """Continue this very command under `.venv`'s Python when another one was used and `.venv` is there."""
    own = ROOT / ".venv" / "bin" / "python"
    if own.exists() and Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        os.execv(own, [str(own), *sys.argv])
    if not own.exists() and sys.version_info[:2] < (3, 10):
        sys.exit("sluice: this Python is too old and there is no environment yet.\n        Make it:  make setup")
