"""SIGTERM and Ctrl-C are the usual ends of a server: what has begun is answered, and the exit code is 0."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn


def end_on_signal() -> None:
    """From here on the signals end the process. The first process of a container would not hear them otherwise."""

    def end(*_: Any) -> None:
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def run_until_signal(
    config: uvicorn.Config, listening: socket.socket, drain_first: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Serves until a signal comes, then drains; `drain_first`: what stands before this server."""
    # uvicorn drains on the signal and then raises it again, for the handler that was there before.
    end_on_signal()
    _Server(config, drain_first).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Goes on to serve while `drain_first` runs."""

    def __init__(self, config: uvicorn.Config, drain_first: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__(config)
        self._drain_first = drain_first

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn.Server."""
        if self._drain_first is not None:
            await self._drain_first()
        await super().shutdown(sockets)
