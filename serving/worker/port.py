"""A port of this machine, taken before anything is loaded: whoever finds it taken learns it at once."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import SluiceError

WAITING_CONNECTIONS = 1024
_LARGEST, _USUAL = 65535, 8080
_FIRST_FOR_ALL = 1024  # those below are for the administrator
_NOT_OF_THIS_MACHINE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


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
            another = _another(problem, port, option)
            raise SluiceError(f"cannot listen on {host}:{port}: {why}", another) from problem
        yield opened
    finally:
        opened.close()


def unix_port(path: str) -> socket.socket:
    """A socket at a path of this machine. Whoever connects waits until it is answered."""
    Path(path).unlink(missing_ok=True)
    opened = socket.socket(socket.AF_UNIX)
    opened.bind(path)
    opened.listen(WAITING_CONNECTIONS)
    return opened


def _another(problem: Exception, port: int, option: str) -> str:
    """What to give instead: another host where this one is none of the machine's, else another port."""
    if isinstance(problem, socket.gaierror) or getattr(problem, "errno", None) in _NOT_OF_THIS_MACHINE:
        return "Take a host of this machine:  --host 127.0.0.1"
    free = port + 1 if _FIRST_FOR_ALL <= port < _LARGEST else _USUAL
    return f"Take another port:  {option.format(port=free)}"
