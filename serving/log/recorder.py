"""Keeps the record of answers of a process that answers requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import Counter

from serving.log.answer_line import line_of
from serving.log.answered import Answered
from serving.log.outbox import FLUSH_SECONDS, Outbox


class AnswerRecorder:
    """Gives `append` the lines of what was answered, every `interval` seconds and outside of the event loop.

    `append` is that of AnswerFiles, or writes an object of a bucket. What it cannot write is counted.
    """

    def __init__(self, append: Callable[[bytes], None], interval: float = FLUSH_SECONDS) -> None:
        self._append = append
        self._outbox = Outbox("record of answers", self._write, interval)

    @property
    def unwritten(self) -> Counter:
        """The metric of what the record lacks."""
        return self._outbox.unwritten

    def answered(self, answered: Answered) -> None:
        """Takes an answer; it is in the record after the next flush."""
        # Some microseconds in the event loop: a thread that does it for a second's answers at once holds the
        # interpreter for milliseconds, which requests would wait for.
        line = line_of(answered)
        self._outbox.put(line, len(line))

    def lost(self, number: int) -> None:
        """Counts answers that did not come here."""
        self._outbox.lost(number)

    def start(self) -> None:
        """Begins, in the running event loop."""
        self._outbox.start()

    async def stop(self) -> None:
        """Writes what is left."""
        await self._outbox.stop()

    def _write(self, lines: Sequence[bytes]) -> None:
        self._append(b"".join(lines))
