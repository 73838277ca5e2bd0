"""Sends everything that libraries print (Python, C++ and child processes) to the run's log, and keeps the real
standard output for the person at the console."""

from __future__ import annotations

import io
import logging
import os
import sys
from pathlib import Path
from typing import TextIO

QUIET_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "GRPC_VERBOSITY": "ERROR",
    "ABSL_MIN_LOG_LEVEL": "2",
}


def divert_noise(log: Path) -> TextIO:
    """Point file descriptors 1 and 2 at `log` for the rest of this process.

    Returns the console: a text stream on the standard output as it was.
    """
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    sys.stdout.flush()
    sys.stderr.flush()
    console = io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), encoding="utf-8", errors="replace", line_buffering=True)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s", force=True
    )
    return console
