"""Requests that wait are answered by one call, each with its own rows, and no more of them wait than may."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np

from serving.protocol.errors import RequestError
from serving.worker.batcher import Batcher


class _Model:
    """Doubles `x`; the first call lasts until it is let go; a row of -1 cannot be computed."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def predict(self, columns: Any) -> Any:
        self.calls.append(len(columns["x"]))
        self.begun.set()
        assert self.let_go.wait(30)
        if (columns["x"] == -1).any():
            error = ValueError("no row may be -1")
            error.error_code = 3  # type: ignore[attr-defined]
            raise error
        if (columns["x"] == -2).any():
            raise ValueError("a defect")
        return {"y": columns["x"] * 2}


async def _submitted(batcher: Batcher, *values: int) -> list[int]:
    found = await batcher.submit({"x": np.array(values)}, len(values))
    return list(found["y"].tolist())


async def _while_busy(model: _Model, batcher: Batcher, *requests: tuple[int, ...]) -> list[Any]:
    """The answers of requests that came while the model computed another one."""
    batcher.start()
    first = asyncio.create_task(_submitted(batcher, 1))
    await asyncio.get_running_loop().run_in_executor(None, model.begun.wait)
    waiting = [asyncio.create_task(_submitted(batcher, *each)) for each in requests]
    await asyncio.sleep(0)
    model.let_go.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert await first == [2]
    return list(answers)


def test_what_waits_is_answered_by_one_call() -> None:
    model = _Model()
    answers = asyncio.run(_while_busy(model, Batcher(model.predict), (1, 2), (3,), (4, 5)))
    assert answers == [[2, 4], [6], [8, 10]]
    assert model.calls == [1, 5]


def test_a_batch_is_no_larger_than_it_may_be_unless_one_request_is() -> None:
    model = _Model()
    batcher = Batcher(model.predict, batch_rows=3)
    answers = asyncio.run(_while_busy(model, batcher, (1, 2), (3, 4), (5,), (1, 1, 1, 1)))
    assert answers == [[2, 4], [6, 8], [10], [2, 2, 2, 2]]
    assert model.calls == [1, 2, 3, 4]


def test_one_request_does_not_spoil_those_beside_it() -> None:
    model = _Model()
    answers = asyncio.run(_while_busy(model, Batcher(model.predict), (1,), (-1,), (-2,), (3,)))
    assert answers[0] == [2]
    assert answers[3] == [6]
    assert isinstance(answers[1], RequestError)
    assert (answers[1].code, answers[1].message) == (400, "the model cannot take these values: no row may be -1")
    assert isinstance(answers[2], ValueError)


def test_a_model_that_joins_its_rows_gives_nobody_what_another_one_sent() -> None:
    def summed(columns: Any) -> Any:
        return {"y": np.array([columns["x"].sum()])}

    model = _Model()

    def predict(columns: Any) -> Any:
        model.predict(columns)
        return summed(columns) if len(model.calls) > 1 else {"y": columns["x"] * 2}

    answers = asyncio.run(_while_busy(model, Batcher(predict), (1,), (5,), (2, 3)))
    assert answers[:2] == [[1], [5]]
    assert isinstance(answers[2], RequestError)
    assert (answers[2].code, answers[2].message) == (500, "the model's output `y` has shape [1] for 2 instances")


def test_a_full_queue_refuses() -> None:
    model = _Model()
    answers = asyncio.run(_while_busy(model, Batcher(model.predict, queue_rows=3), (1, 2), (3, 4), (5,)))
    assert answers[0] == [2, 4]
    assert isinstance(answers[1], RequestError)
    assert answers[1].code == 429
    assert answers[2] == [10]


def test_who_has_gone_is_not_computed() -> None:
    model = _Model()

    async def run() -> list[int]:
        batcher = Batcher(model.predict)
        batcher.start()
        first = asyncio.create_task(_submitted(batcher, 1))
        await asyncio.get_running_loop().run_in_executor(None, model.begun.wait)
        gone = asyncio.create_task(_submitted(batcher, 7, 7, 7))
        stays = asyncio.create_task(_submitted(batcher, 2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        model.let_go.set()
        await first
        return await stays

    assert asyncio.run(run()) == [4]
    assert model.calls == [1, 1]
