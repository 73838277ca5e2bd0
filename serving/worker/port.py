"""A port of this machine, taken before anything is loaded: whoever finds it taken learns it at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import SluiceError

WAITING_CONNECTIONS = 1024
_LARGEST, _USUAL = 65535, 8080


@contextmanager
def open_port(host: str, port: int, option: str = "--port {port}", listen: bool = True) -> Iterator[socket.socket]:
    """A socket on a port; 0 is any free one. `option` is how another port is chosen. With `listen`, clients that
    connect wait until they are answered; else they are refused until somebody listens.

    Raises:
      SluiceError: when the port is taken, or the host is none of this machine's.
    """
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            opened.bind((host, port))
            if listen:
                opened.listen(WAITING_CONNECTIONS)
        except (OSError, OverflowError) as problem:
            why = problem.strerror.lower() if isinstance(problem, OSError) and problem.strerror else str(problem)
            another = option.format(port=port + 1 if port < _LARGEST else _USUAL)
            raise SluiceError(f"cannot listen on {host}:{port}: {why}", f"Take another port:  {another}") from problem
        yield opened
    finally:
        opened.close()
