"""Signals that end a command, also where a library loses the exception that they raise."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn


class Interrupted(BaseException):
    """A signal stopped the command. Not an Exception, so that no component handles it as its own failure."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.exit_code = 128 + signal_number


@dataclass
class Interruption:
    """The signal that came, if one did."""

    signal_number: int | None = None

    def raise_again(self) -> None:
        """Raises `Interrupted` when a signal came: Beam makes another exception of one that is raised inside it, and
        gRPC drops one that is raised in its callbacks.

        Raises:
          Interrupted: with the number of the signal.
        """
        if self.signal_number is not None:
            raise Interrupted(self.signal_number)


@contextmanager
def interruptible(signals: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)) -> Iterator[Interruption]:
    """Raise `Interrupted` on these signals; a second signal ends the process at once."""
    interruption = Interruption()

    def interrupt(signal_number: int, _: FrameType | None) -> NoReturn:
        signal.signal(signal_number, signal.SIG_DFL)
        interruption.signal_number = signal_number
        raise Interrupted(signal_number)

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield interruption
    finally:
        for number, action in before.items():
            signal.signal(number, action)
