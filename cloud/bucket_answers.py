"""The record of answers that the containers of an endpoint on Vertex AI write, as a rollout reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from cloud.bucket_folder import BucketFolder
from serving.log.answer_line import RecordedAnswer, answer_in, object_name
from serving.log.answer_source import observed_of
from serving.watch.window import Observation, Window

# What was answered so long ago has been written by now: three times as long as containers take between two writes.
SETTLED_SECONDS = 30.0


class BucketOfAnswers:
    """`gs://bucket/folder`, in which each deployed id has a folder. A cursor is a time, in seconds of the epoch.

    A window is one stretch of time for both versions, and ends where everything has been written: what comes later
    is in the next one. The times are those of the containers.
    """

    def __init__(self, place: str, clock: Callable[[], float] = time.time) -> None:
        """`place`: gs://bucket/folder.

        Raises:
          SluiceError: when the address names no bucket.
        """
        self._root = BucketFolder(place)
        self._clock = clock

    def since(self, cursor: str, canary: str, stable: str) -> Window:
        """See AnswerSource.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        now = self._clock()
        if not cursor:
            return Window((), (), repr(now))
        begin, end = float(cursor), now - SETTLED_SECONDS
        if end <= begin:
            return Window((), (), cursor)
        return Window(self._observed(canary, begin, end), self._observed(stable, begin, end), repr(end))

    def _observed(self, deployed_id: str, begin: float, end: float) -> Sequence[Observation]:
        found = [each for each in self._since(deployed_id, begin) if begin < each.time <= end]
        return observed_of(sorted(found, key=lambda each: each.time), deployed_id)

    def _since(self, deployed_id: str, begin: float) -> Iterator[RecordedAnswer]:
        """What was written from then on, by whichever container; what was answered before that may be among it."""
        for name in self._root.names_from(deployed_id, object_name(begin)):
            content = self._root.read(f"{deployed_id}/{name}")
            for line in content[0].splitlines() if content else ():
                if (answer := answer_in(line)) is not None:
                    yield answer
