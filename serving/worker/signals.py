"""SIGTERM and Ctrl-C are the usual ends of a server: what has begun is answered, and the exit code is 0."""

from __future__ import annotations

import signal
import socket
import sys
from typing import Any

import uvicorn


def end_on_signal() -> None:
    """From here on the signals end the process. The first process of a container would not hear them otherwise."""

    def end(*_: Any) -> None:
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def run_until_signal(config: uvicorn.Config, listening: socket.socket) -> None:
    """Serves until a signal comes, then drains."""
    # uvicorn drains on the signal and then raises it again, for the handler that was there before.
    end_on_signal()
    uvicorn.Server(config).run(sockets=[listening])
