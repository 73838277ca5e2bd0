"""The serving log: a sample of the requests with their answers, which the next run compares its data with."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence

from prometheus_client import Counter

from serving.log.exchange import Exchange, Privacy, record_of
from serving.log.outbox import Outbox

SHARE = 10.0
FLUSH_SECONDS = 30.0
# A longer request takes milliseconds to be read again.
MOST_BODY = 256 << 10


class ServingLog:
    """Gives `add` the records of `share` percent of the requests, every `interval` seconds and outside of the event
    loop.

    `add` is that of RecordFiles, or writes an object of a bucket. What it cannot write is counted.
    """

    def __init__(
        self,
        add: Callable[[Sequence[bytes]], None],
        share: float = SHARE,
        privacy: Privacy | None = None,
        interval: float = FLUSH_SECONDS,
    ) -> None:
        self._add = add
        self._share = share
        self._privacy = privacy or Privacy()
        self._random = random.Random()
        self._refused: set[tuple[str, str]] = set()
        self._outbox = Outbox("serving log", self._write, interval)

    @property
    def unwritten(self) -> Counter:
        """The metric of what the log lacks."""
        return self._outbox.unwritten

    def wants(self, body: bytes) -> bool:
        """Whether this request is one of the sample."""
        return self._random.random() * 100 < self._share and len(body) <= MOST_BODY

    def take(self, exchange: Exchange) -> None:
        """Takes a request of the sample; it is in the log after the next flush."""
        self._outbox.put(exchange, len(exchange.body) + len(exchange.answer))

    def start(self) -> None:
        """Begins, in the running event loop."""
        self._outbox.start()

    async def stop(self) -> None:
        """Writes what is left."""
        await self._outbox.stop()

    def _write(self, exchanges: Sequence[Exchange]) -> None:
        records = []
        for exchange in exchanges:
            if self._may_be_kept(exchange):
                records.append(record_of(exchange, self._privacy, self._share))
            # Lets the event loop go on at once: the interpreter would be held for milliseconds otherwise.
            time.sleep(0)
        if records:
            self._add(records)

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
