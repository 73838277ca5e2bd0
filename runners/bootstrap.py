"""Lets any Python start `python runners/local_runner.py`: the command continues in the project's environment."""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_UNUSABLE = 3


def enter_environment() -> None:
    """Restart the command under `.venv`'s Python, if another one runs it and `.venv` exists."""
    own = ROOT / ".venv" / "bin" / "python"
    if own.exists():
        if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
            os.execv(own, [str(own), *sys.argv])
    elif importlib.util.find_spec("tfx") is None:
        _explain()


def _explain() -> None:
    """Print what is missing. The doctor needs no installed package."""
    if sys.argv[1:2] == ["doctor"]:
        from runners.doctor import main

        sys.exit(main(sys.argv[2:]))
    print("sluice: there is no environment yet.\n        Make it:  make setup", file=sys.stderr)
    sys.exit(_UNUSABLE)
