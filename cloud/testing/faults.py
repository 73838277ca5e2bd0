"""Makes calls fail on purpose, so that retries and messages can be tested; keeps a list of every call."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from google.api_core import exceptions


@dataclass
class _Planned:
    method: str
    error: exceptions.GoogleAPICallError
    times: int
    served: bool
    after: int


@dataclass
class Faults:
    """Planned failures. A method is named like `PipelineService.CreatePipelineJob` or `storage.objects.insert`."""

    calls: list[str] = field(default_factory=list)
    _planned: list[_Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail_next(
        self,
        error: exceptions.GoogleAPICallError,
        method: str = "*",
        times: int = 1,
        served: bool = False,
        after: int = 0,
    ) -> None:
        """The next `times` calls of `method` (a shell pattern) are answered with `error`, once `after` others were let
        through; when they are `served`, they take effect and only their answer is lost."""
        with self._lock:
            self._planned.append(_Planned(method, error, times, served, after))

    def forget(self) -> None:
        """Drops every failure that is still planned."""
        with self._lock:
            self._planned.clear()

    def enter(self, method: str) -> None:
        """Notes a call of `method`.

        Raises:
            GoogleAPICallError: a failure was planned for it.
        """
        with self._lock:
            self.calls.append(method)
            self._fail(method, served=False)

    def leave(self, method: str) -> None:
        """Loses the answer of a call of `method` that was served.

        Raises:
            GoogleAPICallError: that was planned for it.
        """
        with self._lock:
            self._fail(method, served=True)

    def _fail(self, method: str, served: bool) -> None:
        for planned in self._planned:
            if planned.times and planned.served is served and fnmatchcase(method, planned.method):
                if planned.after:
                    planned.after -= 1
                    continue
                planned.times -= 1
                raise planned.error
