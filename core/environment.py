"""Lets any Python start a command of ours: the command goes on in the project's environment.

Standard library only, and imported before anything else: where nothing is installed this must still say what to do.
"""

import importlib.util
import io
import os
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A package of the pipeline's installation, one that the gates alone have, too, and one of the serving image.
PIPELINE, GATES, SERVING = "tfx", "sklearn", "starlette"
_UNUSABLE = 3


def is_missing(package: str = PIPELINE) -> bool:
    """Whether there is neither `.venv` nor an installation that this Python finds, by a package that it must have."""
    return not _own_python().exists() and importlib.util.find_spec(package) is None


def enter_environment(package: str = PIPELINE) -> None:
    """Restart the command under `.venv`'s Python, if another one runs it; end with exit code 3 where there is none, and
    the package that the command needs is not installed either. Called before the command imports anything else."""
    if is_missing(package):
        if (ROOT / "setup.py").exists():
            print("sluice: there is no environment yet.\n        Make it:  make setup", file=sys.stderr)
        else:
            print(
                "sluice: this is the light installation, of the gates alone.\n"
                "        Install the pipeline, in a checkout:  make setup",
                file=sys.stderr,
            )
        sys.exit(_UNUSABLE)
    own = _own_python()
    if own.exists() and Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        # orig_argv keeps `-m gates`; a Python before 3.10 has none, and our scripts need none.
        words = getattr(sys, "orig_argv", [sys.executable, *sys.argv])[1:]
        os.execv(own, [str(own), *words])
    _print_in_any_encoding()
    # Google's libraries warn at every import of a version of Python, or of their own, that will end.
    warnings.filterwarnings("ignore", category=FutureWarning)


def _print_in_any_encoding() -> None:
    """A letter that the encoding of standard output lacks is printed as its number (`\\u6771`), as on standard error:
    a name from data must not end a command whose locale is C or latin-1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _own_python() -> Path:
    return ROOT / ".venv" / "bin" / "python"
