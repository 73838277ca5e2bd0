"""The two stacks that the code runs on, and all that differs between them. scripts/setup_environment.sh chooses one.

Standard library only and valid on Python 3.8: the doctor imports it where nothing is installed yet.
"""

from __future__ import annotations

import sys
from typing import NamedTuple


class Stack(NamedTuple):
    """A set of packages that was tried as a whole, and what it needs of a machine."""

    name: str
    """As in `SLUICE_STACK=classic`."""
    python: tuple[int, int]
    glibc: tuple[int, int]
    """The oldest C library that every pinned wheel accepts."""
    lock: str
    """The file that pins its packages by hash, in the root of the checkout."""
    tfx: str
    environment_gb: float
    """The size of its environment, in 10^9 bytes."""


CLASSIC = Stack("classic", (3, 10), (2, 31), "requirements.lock", "1.16.0", 3.6)
MODERN = Stack("modern", (3, 13), (2, 39), "requirements-modern.lock", "1.21.0", 3.7)
STACKS = (CLASSIC, MODERN)
# The stack of the container image (deploy/Dockerfile), whichever one compiles the pipeline that it executes.
IMAGE = MODERN
# TFX 1.16 ends at 3.10, and TFX 1.21 has packages from there on: the markers of setup.py part here.
_FIRST_PYTHON_OF_MODERN = (3, 11)


def stack_of(python: tuple[int, ...]) -> Stack:
    """The stack that `pip install .[pipeline]` brings to an interpreter of this version."""
    return MODERN if python[:2] >= _FIRST_PYTHON_OF_MODERN else CLASSIC


def active_stack() -> Stack:
    """The stack of the interpreter that runs."""
    return stack_of(sys.version_info[:2])
