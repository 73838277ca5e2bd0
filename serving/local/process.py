"""A process whose end can be awaited.

The event loop starts processes by fork, which stops it while the tables of its pages are copied, and makes each page
that it writes afterwards slow. `subprocess` starts them by vfork, which copies nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence


class Process:
    """A process with a standard input that stays open as long as we live, in a session of its own.

    Ctrl-C does not reach it: it is for us, who let it end in order.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], pass_files: Sequence[int]) -> None:
        """Starts it with these files open.

        Raises:
          OSError: when it cannot be started.
        """
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, env=environment, pass_fds=pass_files, start_new_session=True
        )
        self.pid = self._child.pid
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet, as far as we have seen."""
        return not self._ended.is_set()

    async def wait(self) -> int:
        """The return code as `subprocess` gives it, once the process has ended."""
        await self._ended.wait()
        code = self._child.returncode
        assert code is not None
        return code

    def terminate(self) -> None:
        """SIGTERM, if it still runs."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.running:
            self._child.send_signal(number)

    def _watch(self) -> None:
        self._child.wait()
        # The loop is closed when nobody waits any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)
