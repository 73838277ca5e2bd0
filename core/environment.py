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
    the package that the command needs is not installed either; `--version` needs none. Called before a command imports
    anything else."""
    if is_missing(package):
        if sys.argv[1:] == ["--version"]:
            _show_version()
            sys.exit(0)
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
        os.execv(own, [str(own), *_typed_words()])
    _print_in_any_encoding()
    # Google's libraries warn at every import of a version of Python, or of their own, that will end. Whoever sets
    # filters (`python -W`, PYTHONWARNINGS) gets what they say.
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", category=FutureWarning)


def _typed_words() -> "list[str]":
    """What was typed after the name of the interpreter."""
    if hasattr(sys, "orig_argv"):
        return sys.orig_argv[1:]
    # Before Python 3.10: argv has the path of the module, whose folder would hide packages, in the place of `-m gates`.
    module = sys.modules["__main__"].__spec__
    return sys.argv if module is None else ["-m", module.name.replace(".__main__", ""), *sys.argv[1:]]


def _show_version() -> None:
    # Here alone: the sentence on the environment must be valid for older Pythons than they are.
    from core.printable import show_text
    from core.version import VERSION

    show_text(f"sluice, version {VERSION}")


def _print_in_any_encoding() -> None:
    """A letter that the encoding of standard output lacks is printed as its number (`\\u6771`), as on standard error:
    a name from data must not end a command whose locale is C or latin-1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _own_python() -> Path:
    return ROOT / ".venv" / "bin" / "python"
