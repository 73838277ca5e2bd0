"""Which requests the serving log keeps."""

from __future__ import annotations

import random

# A longer request takes milliseconds to be read again.
MOST_BODY = 256 << 10


class Sample:
    """`share` percent of the requests, drawn by chance."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._random = random.Random()

    def wants(self, body: bytes) -> bool:
        """Whether this request is one of the sample."""
        return self._random.random() * 100 < self._share and len(body) <= MOST_BODY
