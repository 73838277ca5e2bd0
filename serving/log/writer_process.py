"""A process beside the server that writes, so that requests do not wait for the interpreter's lock meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from core.child_process import child_environment
from core.errors import SluiceError

# Whatever is written has time; a request has not.
_NICENESS = 10
_END_SECONDS = 30


class WriterProcess:
    """Calls functions in a process of its own, which begins with the first call and ends with the server, however that
    ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Calls `function` there, and returns when it has ended. Function and arguments are pickled.

        Raises:
          OSError: that of the function; or when the process has ended, and then the next call begins another.
          SluiceError: that of the function.
          RuntimeError: with the traceback of any other exception.
        """
        connection = self._connection or self._begun()
        try:
            connection.send((function, arguments))
            problem = connection.recv()
        except (EOFError, OSError) as ended:
            self.close()
            raise OSError("the process that writes it has ended") from ended
        if problem is not None:
            raise problem

    def close(self) -> None:
        """Ends the process."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.wait(_END_SECONDS)
        self._process = self._connection = None

    def _begun(self) -> Connection:
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(True)  # whatever this process has set by `socket.setdefaulttimeout`
        with theirs:
            self._connection = Connection(ours.detach())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "serving.log.writer_process", str(theirs.fileno())],
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Ctrl-C is for the server, which writes what is left before it ends.
                start_new_session=True,
            )
        return self._connection


def main() -> None:
    """Answers calls until the server has ended or closes the connection."""
    # When all processes get the signal, the server still has something to write.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(_NICENESS)
    with Connection(int(sys.argv[1])) as connection:
        while True:
            try:
                function, arguments = connection.recv()
                connection.send(_problem_of(function, arguments))
            except (EOFError, OSError):
                return


def _problem_of(function: Callable[..., None], arguments: tuple[Any, ...]) -> Exception | None:
    try:
        function(*arguments)
    except (OSError, SluiceError) as problem:
        return problem
    except Exception:
        return RuntimeError(traceback.format_exc())
    return None


if __name__ == "__main__":
    main()
