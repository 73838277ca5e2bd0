"""Which requests are logged, and what happens to those that must not be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import pytest

from serving.log.exchange import Exchange, Privacy
from serving.log.sample import MOST_BODY
from serving.log.serving_log import ServingLog
from sources.prediction_log import PredictionLog

FEATURES = [{"name": "fare", "kind": "float32", "shape": [], "missing": True}]


def _exchange(request_id: str, version: str = "101", body: bytes = b'{"instances":[{"fare":1.5}]}') -> Exchange:
    return Exchange(1.0, request_id, "taxi", version, FEATURES, body, b'{"predictions":[0.5]}')


def _logged(exchanges: Iterable[Exchange], privacy: Privacy | None = None) -> tuple[list[str], ServingLog]:
    records: list[bytes] = []

    async def run() -> ServingLog:
        log = ServingLog(records.extend, privacy=privacy, interval=3600)
        log.start()
        for exchange in exchanges:
            log.take(exchange)
        await log.stop()
        return log

    log = asyncio.run(run())
    return [PredictionLog.FromString(record).log_metadata.request_origin for record in records], log


def test_what_is_taken_is_written_in_order() -> None:
    names = [str(number) for number in range(50)]
    assert _logged(map(_exchange, names))[0] == names


@pytest.mark.parametrize(("share", "low", "high"), [(100, 2000, 2000), (10, 120, 280), (0, 0, 0)])
def test_the_share_of_the_requests_is_wanted(share: float, low: int, high: int) -> None:
    log = ServingLog(lambda records: None, share)
    assert low <= sum(log.wants(b"{}") for _ in range(2000)) <= high


def test_a_very_long_request_is_not_wanted() -> None:
    log = ServingLog(lambda records: None, share=100)
    assert log.wants(b" " * MOST_BODY)
    assert not log.wants(b" " * (MOST_BODY + 1))


def test_a_misspelt_feature_to_hide_means_that_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        found, _ = _logged([_exchange("1"), _exchange("2"), _exchange("3", "102")], Privacy(frozenset({"fair"})))
    assert found == []
    assert [record.message for record in caplog.records] == [
        f"nothing of version {version} of taxi is logged: it has no feature `fair`, which shall be hashed or left out"
        for version in ("101", "102")
    ]


def _defects(log: ServingLog) -> float:
    samples = [sample for metric in log.unwritten.collect() for sample in metric.samples]
    return next(each.value for each in samples if each.name.endswith("_total") and each.labels["why"] == "a defect")


def test_a_defect_is_counted_and_does_not_end_the_log(caplog: pytest.LogCaptureFixture) -> None:
    records: list[bytes] = []

    async def run() -> ServingLog:
        log = ServingLog(records.extend, interval=0.001)
        log.start()
        log.take(_exchange("bad", body=b"no JSON"))
        while not _defects(log):
            await asyncio.sleep(0)
        log.take(_exchange("good"))
        await log.stop()
        return log

    asyncio.run(run())
    assert len(records) == 1
    assert "the serving log lacks 1 answers" in caplog.text
