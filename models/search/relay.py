"""A process of the search that stands for a worker on another machine: `python -m models.search.relay ADDRESS`.

It reads the greeting from the first line of its input, and passes on every further line and every answer.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading

from core.printable import show_text
from models.search.machines import connect

# Exit codes: the machine was never there, and the worker there has ended.
NOT_THERE, ENDED = 3, 4


def main() -> None:
    """Ends when the search closes its pipe or the worker on the other machine has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the search decides what ends
    greeting = sys.stdin.readline().strip()
    try:
        connection = connect(sys.argv[1], greeting)
    except OSError as problem:
        show_text(f"{sys.argv[1]}: {problem}", sys.stderr)
        sys.exit(NOT_THERE)
    threading.Thread(target=_pass_on_orders, args=(connection,), daemon=True).start()
    with contextlib.suppress(OSError), connection.makefile("r", encoding="utf-8") as answers:
        for line in answers:
            sys.stdout.write(line)
            sys.stdout.flush()
    os._exit(ENDED)


def _pass_on_orders(connection: socket.socket) -> None:
    for line in sys.stdin:
        connection.sendall(line.encode())
    os._exit(0)


if __name__ == "__main__":
    main()
