"""SIGTERM and Ctrl-C are the usual ends of a server: what has begun is answered, and the exit code is 0."""

from __future__ import annotations

import signal
import socket
import sys
from typing import Any

import uvicorn


def run_until_signal(config: uvicorn.Config, listening: socket.socket) -> None:
    """Serves until a signal comes, then drains."""

    def end(*_: Any) -> None:
        sys.exit(0)

    # uvicorn drains on the signal and then raises it again, for the handler that was there before.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    uvicorn.Server(config).run(sockets=[listening])
