"""Requests that wait together are answered together: one call of the model for as many rows as are there.

No request waits for others to come: while the model computes, the next batch gathers by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.text import counted
from serving.protocol.errors import RequestError
from serving.protocol.signature import Array

_INVALID_ARGUMENT = 3  # of google.rpc.Code, which the errors of TensorFlow carry
Columns = Mapping[str, Array]
Outputs = Mapping[str, Array]


@dataclass
class _Waiting:
    columns: Columns
    rows: int
    answer: asyncio.Future[Outputs]


class Batcher:
    """Calls `predict` in a thread of its own with at most `batch_rows` rows, unless one request alone has more;
    at most `queue_rows` rows wait."""

    def __init__(self, predict: Callable[[Columns], Outputs], batch_rows: int = 256, queue_rows: int = 4096) -> None:
        self._predict = predict
        self._batch_rows = batch_rows
        self._queue_rows = queue_rows
        self._waiting: deque[_Waiting] = deque()
        self._rows = 0
        self._come = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to answer, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._answer())

    async def submit(self, columns: Columns, rows: int) -> Outputs:
        """The outputs for these rows.

        Raises:
          RequestError: 429 when too many rows wait, 400 when the model cannot take these values.
        """
        # A request of many rows is let in when nothing waits: it would never find more room.
        if self._waiting and self._rows + rows > self._queue_rows:
            raise RequestError(429, f"{self._rows} instances wait already; come again")
        waiting = _Waiting(columns, rows, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._rows += rows
        self._come.set()
        return await waiting.answer

    async def _answer(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._come.wait()
            batch = self._next_batch()
            try:
                answers = await loop.run_in_executor(self._thread, self._answers, batch)
            except Exception as problem:  # a defect of this file must not leave clients waiting
                answers = [problem] * len(batch)
            for waiting, answer in zip(batch, answers, strict=True):
                if waiting.answer.cancelled():
                    continue
                if isinstance(answer, Exception):
                    waiting.answer.set_exception(answer)
                else:
                    waiting.answer.set_result(answer)

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        rows = 0
        while self._waiting and (not batch or rows + self._waiting[0].rows <= self._batch_rows):
            waiting = self._waiting.popleft()
            self._rows -= waiting.rows
            if not waiting.answer.cancelled():
                batch.append(waiting)
                rows += waiting.rows
        if not self._waiting:
            self._come.clear()
        return batch

    def _answers(self, batch: Sequence[_Waiting]) -> list[Outputs | Exception]:
        """Alone again when the batch fails: one request must not spoil those that stood beside it."""
        if not batch:
            return []
        try:
            return list(_split(self._predict(_joined(batch)), [each.rows for each in batch]))
        except Exception as problem:
            if len(batch) > 1:
                return [answer for each in batch for answer in self._answers([each])]
            return [_as_request_error(problem)]


def _joined(batch: Sequence[_Waiting]) -> Columns:
    if len(batch) == 1:
        return batch[0].columns
    return {name: np.concatenate([each.columns[name] for each in batch]) for name in batch[0].columns}


def _split(outputs: Outputs, rows: Sequence[int]) -> list[Outputs]:
    _check_rows(outputs, sum(rows))
    if len(rows) == 1:
        return [outputs]
    ends = np.cumsum(rows)
    return [
        {name: output[end - n : end] for name, output in outputs.items()} for n, end in zip(rows, ends, strict=True)
    ]


def _check_rows(outputs: Outputs, rows: int) -> None:
    """Else an answer to one client would hold what another one sent."""
    for name, output in outputs.items():
        if output.ndim == 0 or len(output) != rows:
            instances = counted(rows, "instance")
            raise RequestError(500, f"the model's output `{name}` has shape {[*output.shape]} for {instances}")


def _as_request_error(problem: Exception) -> Exception:
    """TensorFlow's own refusal of a value (InvalidArgumentError) is the client's to mend; the rest is not."""
    code = getattr(problem, "error_code", None)
    is_invalid = code == _INVALID_ARGUMENT
    message: Any = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return RequestError(400, f"the model cannot take these values: {message}") if is_invalid else problem
