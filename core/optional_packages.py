"""Packages that the light installation (`pip install .`) lacks: who needs one gets the command that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import SluiceError


@contextmanager
def needed_for(what: str) -> Iterator[None]:
    """Around the import of a package that the light installation lacks. `what`: what cannot be done without it.

    Raises:
      SluiceError: when the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        raise SluiceError(
            f"{what} needs {package}, which is not installed here: this is the light installation, of the gates alone.",
            "Install the rest, in a checkout:  make setup",
        ) from error
