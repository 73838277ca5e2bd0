"""The serving log: a sample of the requests with their answers, which the next run compares its data with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from prometheus_client import Counter

from serving.log.exchange import Exchange, Privacy, record_of
from serving.log.outbox import Outbox
from serving.log.sample import Sample
from serving.log.writer_process import WriterProcess

SHARE = 10.0
FLUSH_SECONDS = 30.0


class ServingLog:
    """Gives `add` the records of `share` percent of the requests, every `interval` seconds.

    `add` is that of RecordFiles. What it cannot write is counted. With a `process`, records are made and written there.
    """

    def __init__(
        self,
        add: Callable[[Sequence[bytes]], None],
        share: float = SHARE,
        privacy: Privacy | None = None,
        interval: float = FLUSH_SECONDS,
        process: WriterProcess | None = None,
    ) -> None:
        self._add = add
        self._process = process
        self._share = share
        self._privacy = privacy or Privacy()
        self._sample = Sample(share)
        self._refused: set[tuple[str, str]] = set()
        self._outbox = Outbox("serving log", self._write, interval)

    @property
    def unwritten(self) -> Counter:
        """The metric of what the log lacks."""
        return self._outbox.unwritten

    def wants(self, body: bytes) -> bool:
        """Whether this request is one of the sample."""
        return self._sample.wants(body)

    def take(self, exchange: Exchange) -> None:
        """Takes a request of the sample; it is in the log after the next flush."""
        self._outbox.put(exchange, len(exchange.body) + len(exchange.answer))

    def start(self) -> None:
        """Begins, in the running event loop."""
        self._outbox.start()

    async def stop(self) -> None:
        """Writes what is left."""
        await self._outbox.stop()
        if self._process is not None:
            await asyncio.to_thread(self._process.close)

    def _write(self, exchanges: Sequence[Exchange]) -> None:
        kept = [exchange for exchange in exchanges if self._may_be_kept(exchange)]
        if not kept:
            return
        if self._process is None:
            write_records(self._add, self._privacy, self._share, kept)
        else:
            self._process.call(write_records, self._add, self._privacy, self._share, kept)

    def _may_be_kept(self, exchange: Exchange) -> bool:
        """A version without a feature that shall be hidden is not logged: the name may be misspelt."""
        unknown = self._privacy.unknown(exchange.features)
        key = (exchange.model, exchange.version)
        if unknown and key not in self._refused:
            self._refused.add(key)
            logging.getLogger(__name__).error(
                "nothing of version %s of %s is logged: it has no feature `%s`, which shall be hashed or left out",
                *(exchange.version, exchange.model, unknown[0]),
            )
        return not unknown


def write_records(
    add: Callable[[Sequence[bytes]], None], privacy: Privacy, share: float, exchanges: Sequence[Exchange]
) -> None:
    """Makes the records and gives them to `add`; a function of its own, so that another process can be given it.

    Raises:
      OSError: when they cannot be written.
    """
    add([record_of(exchange, privacy, share) for exchange in exchanges])
