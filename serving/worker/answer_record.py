"""The record of the answers of a container, whose router, Vertex AI's own, keeps none."""

from __future__ import annotations

import time
from collections.abc import Awaitable

from serving.log.answer_objects import SECONDS, AnswerObjects
from serving.log.answered import Answered
from serving.log.recorder import AnswerRecorder
from serving.protocol.errors import RequestError
from serving.worker.request import Reply

_DEFECT = 500


class AnswerRecord(AnswerRecorder):
    """Notes every answer of one deployed model, and writes what was noted to `folder` from time to time."""

    def __init__(self, folder: str, deployed_id: str, interval: float = SECONDS) -> None:
        super().__init__(AnswerObjects(folder).append, interval)
        self._deployed_id = deployed_id

    async def noted(self, answering: Awaitable[Reply]) -> Reply:
        """The answer, or the error that came in its place; either is noted with its seconds."""
        begun = time.perf_counter()
        code, body = _DEFECT, b""
        try:
            reply = await answering
            code, body = 200, reply.in_json
            return reply
        except RequestError as refused:
            code = refused.code
            raise
        finally:
            self.answered(Answered(time.time(), self._deployed_id, code, time.perf_counter() - begun, body))
