"""What is to be written, collected while requests are answered and written in the background: no request waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from prometheus_client import Counter

from core.errors import SluiceError

FLUSH_SECONDS = 1.0
MOST_ITEMS = 20_000
MOST_BYTES = 32 << 20
_TOO_MANY, _NOT_WRITABLE, _DEFECT = _REASONS = ("too many at once", "not writable", "a defect")
Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """Hands what was collected to `write`, every `interval` seconds or when it is half full, in a thread of its own.

    What comes while it is full is left out and counted, and so is what `write` cannot write, by an error of the system
    or one in a sentence. `unwritten` is the metric; `title` is what a line in the server's log calls it.
    """

    def __init__(self, title: str, write: Callable[[Sequence[Item]], None], interval: float = FLUSH_SECONDS) -> None:
        self.unwritten = Counter(f"sluice_{title.replace(' ', '_')}_unwritten", "Left out", ["why"], registry=None)
        for why in _REASONS:  # a series is there from the start, at 0
            self.unwritten.labels(why)
        self._title = title
        self._write = write
        self._interval = interval
        self._items: list[Item] = []
        self._bytes = 0
        self._is_failing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=title.replace(" ", "-"))
        self._is_stopping = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, item: Item, size: int) -> None:
        """Takes an item of so many bytes."""
        if len(self._items) >= MOST_ITEMS or self._bytes + size > MOST_BYTES:
            self.lost(1)
            return
        self._items.append(item)
        self._bytes += size
        if len(self._items) == MOST_ITEMS // 2 or self._bytes > MOST_BYTES // 2:
            self._wake.set()

    def lost(self, number: int) -> None:
        """Counts so many items that were too many."""
        self.unwritten.labels(_TOO_MANY).inc(number)

    def start(self) -> None:
        """Begins to write, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._flush_until_stopped())

    async def stop(self) -> None:
        """Writes what is left and ends."""
        self._is_stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _flush_until_stopped(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            is_last = self._is_stopping
            self._wake.clear()
            if self._items:
                items, self._items, self._bytes = self._items, [], 0
                await loop.run_in_executor(self._thread, self._written, items)
            if is_last:
                return
            try:
                await asyncio.wait_for(self._wake.wait(), self._interval)
            except asyncio.TimeoutError:
                continue

    def _written(self, items: Sequence[Item]) -> None:
        try:
            self._write(items)
        except (OSError, SluiceError) as problem:
            self.unwritten.labels(_NOT_WRITABLE).inc(len(items))
            # One line, not one a second: requests go on, and the metric counts what is missing.
            if not self._is_failing:
                logging.getLogger(__name__).error("the %s cannot be written: %s", self._title, problem)
            self._is_failing = True
            return
        except Exception:  # a defect must not end the task that writes what comes after
            self.unwritten.labels(_DEFECT).inc(len(items))
            logging.getLogger(__name__).exception("the %s lacks %d answers", self._title, len(items))
            return
        if self._is_failing:
            logging.getLogger(__name__).warning("the %s is written again", self._title)
        self._is_failing = False
