"""What waits to be written: bounded, counted where it is lost, and never in the way."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence

import pytest

from serving.log import outbox
from serving.log.outbox import Outbox


def _unwritten(box: Outbox[int], why: str) -> float:
    return next(
        sample.value
        for metric in box.unwritten.collect()
        for sample in metric.samples
        if sample.labels == {"why": why} and sample.name.endswith("_total")
    )


def test_what_was_put_is_written_in_order_at_the_latest_when_it_ends() -> None:
    found: list[int] = []

    async def run() -> None:
        box: Outbox[int] = Outbox("record", found.extend, interval=3600)
        box.start()
        for number in range(1000):
            box.put(number, 1)
        await box.stop()

    asyncio.run(run())
    assert found == list(range(1000))


def test_it_writes_again_and_again_outside_of_the_event_loop() -> None:
    seen: list[tuple[list[int], bool]] = []
    written = threading.Semaphore(0)

    def write(items: Sequence[int]) -> None:
        seen.append((list(items), threading.current_thread() is threading.main_thread()))
        written.release()

    async def run() -> None:
        box: Outbox[int] = Outbox("record", write, interval=0.001)
        box.start()
        for number in range(3):
            box.put(number, 1)
            await asyncio.to_thread(written.acquire)
        await box.stop()

    asyncio.run(run())
    assert seen == [([0], False), ([1], False), ([2], False)]


@pytest.mark.parametrize(("limit", "size"), [("MOST_ITEMS", 1), ("MOST_BYTES", 10)])
def test_what_comes_while_it_is_full_is_left_out_and_counted(
    monkeypatch: pytest.MonkeyPatch, limit: str, size: int
) -> None:
    monkeypatch.setattr(outbox, limit, 10 * size)
    found: list[int] = []

    async def run() -> Outbox[int]:
        box: Outbox[int] = Outbox("record", found.extend, interval=3600)
        for number in range(15):
            box.put(number, size)
        box.start()
        await box.stop()
        return box

    assert _unwritten(asyncio.run(run()), "too many at once") == 5
    assert found == list(range(10))


def test_what_cannot_be_written_is_counted_and_said_once_until_it_can(caplog: pytest.LogCaptureFixture) -> None:
    found: list[int] = []
    written = threading.Semaphore(0)
    is_full = True

    def write(items: Sequence[int]) -> None:
        written.release()
        if is_full:
            raise OSError(28, "No space left on device")
        found.extend(items)

    async def run() -> Outbox[int]:
        nonlocal is_full
        box: Outbox[int] = Outbox("record", write, interval=0.001)
        box.start()
        for number in range(4):
            is_full = number < 3
            box.put(number, 1)
            await asyncio.to_thread(written.acquire)
        await box.stop()
        return box

    with caplog.at_level(logging.WARNING):
        box = asyncio.run(run())
    assert _unwritten(box, "not writable") == 3
    assert found == [3]
    assert [record.message for record in caplog.records] == [
        "the record cannot be written: [Errno 28] No space left on device",
        "the record is written again",
    ]
