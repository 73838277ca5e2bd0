"""Redirects everything that libraries print (Python, C++ and child processes) to the run's log, and keeps the real
standard output for the console."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

QUIET_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2", "GRPC_VERBOSITY": "ERROR"}
_STANDARD = (1, 2)


@contextmanager
def output_redirected_to(log: Path) -> Iterator[TextIO]:
    """Redirect the file descriptors of standard output and error to `log`, and restore them at the end.

    Yields the console: a text stream on the standard output as it was.
    """
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    _flush()
    originals = [os.dup(number) for number in _STANDARD]
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in _STANDARD:
        os.dup2(target, number)
    os.close(target)
    for handler in logging.root.handlers[:]:
        # Not closed, as `basicConfig(force=True)` would: absl's handler closes its stream, which may be another's.
        logging.root.removeHandler(handler)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s"
    )
    stream = _PatientPipe(os.dup(originals[0]), "wb")
    console = io.TextIOWrapper(io.BufferedWriter(stream), encoding="utf-8", errors="replace", line_buffering=True)
    try:
        yield console
    finally:
        console.close()
        _flush_or_drop()
        for number, original in zip(_STANDARD, originals, strict=True):
            os.dup2(original, number)
            os.close(original)


class _PatientPipe(io.FileIO):
    """A standard output whose reader may close it (`… | head`) without ending the run."""

    def write(self, data: Any) -> int:
        """Write `data`, or drop it when the reader has closed the pipe."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            return len(bytes(data))


def _flush_or_drop() -> None:
    """Flushes into the log; what a full disk does not take must not appear on the terminal instead."""
    for number, stream in zip(_STANDARD, (sys.stdout, sys.stderr), strict=True):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
            stream.flush()


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
