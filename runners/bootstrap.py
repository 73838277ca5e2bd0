"""Lets `python runners/local_runner.py` work with whatever Python was typed: goes on in the project's environment."""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_UNUSABLE = 3


def enter_environment() -> None:
    """Continue this very command under `.venv`'s Python when another one was used and `.venv` is there."""
    own = ROOT / ".venv" / "bin" / "python"
    if own.exists():
        if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
            os.execv(own, [str(own), *sys.argv])
    elif importlib.util.find_spec("tfx") is None:
        _explain()


def _explain() -> None:
    """Say what is missing. The doctor needs nothing installed."""
    if sys.argv[1:2] == ["doctor"]:
        from runners.doctor import main

        sys.exit(main(sys.argv[2:]))
    print("sluice: there is no environment yet.\n        Make it:  make setup", file=sys.stderr)
    sys.exit(_UNUSABLE)
