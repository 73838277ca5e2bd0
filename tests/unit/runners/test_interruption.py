"""A signal stops a command, whatever libraries make of the exception."""

import os
import signal

import pytest

from runners.interruption import Interrupted, interruptible


def test_a_signal_counts_although_a_library_made_another_exception_of_it() -> None:
    with interruptible() as interruption:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("the signal was not raised")
        except Interrupted:
            pass  # as Beam does, which raises a RuntimeError instead
        with pytest.raises(Interrupted) as again:
            interruption.raise_again()
    assert again.value.exit_code == 130


def test_without_a_signal_nothing_is_raised() -> None:
    with interruptible() as interruption:
        interruption.raise_again()
