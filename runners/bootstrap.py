"""Lets any Python start `python runners/local_runner.py`: the command continues in the project's environment."""

import sys

from core import environment


def enter_environment() -> None:
    """As every command; the doctor, who says what is missing, needs no environment."""
    if sys.argv[1:2] == ["doctor"] and environment.is_missing():
        from runners.doctor import main

        sys.exit(main(sys.argv[2:]))
    environment.enter_environment()
