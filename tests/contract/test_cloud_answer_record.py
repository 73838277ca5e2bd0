"""The record of answers in a bucket: written by the containers of an endpoint on Vertex AI, read by a rollout."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from cloud.bucket_answers import SETTLED_SECONDS, BucketOfAnswers
from cloud.bucket_folder import BucketFolder
from cloud.calls import Patience
from cloud.endpoint.backend import VertexEndpoint
from cloud.endpoint.options import EndpointOptions
from cloud.testing.cloud import LocalCloud
from serving.contract import ModelVersion
from serving.log.answer_line import line_of, object_name
from serving.log.answer_source import answer_source_at
from serving.log.answered import Answered
from serving.version_folder import copy_folder
from serving.watch.window import Observation, Window
from tests.samples.served_models import RIDE, WORKLOAD, export_ride_model

REGION = "europe-west4"
IMAGE = f"{REGION}-docker.pkg.dev/my-project/sluice/serving@sha256:{'0' * 64}"
PATIENCE = Patience(one_try=60, first_wait=0.05, longest_wait=0.2, altogether=60)


class Record:
    """A record that a test writes, and what is read of it at a time of the test's choice."""

    def __init__(self, cloud: LocalCloud) -> None:
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, REGION)
        self.place = f"gs://{bucket}/answers/taxi-prod"
        self._root = BucketFolder(self.place)

    def write(self, deployed_id: str, at: float, *scores: tuple[float, float], container: str = "a") -> None:
        """What a container writes at a time: the time and the score of each answer."""
        lines = [
            line_of(Answered(when, deployed_id, 200, 0.5, b'{"predictions":[%g]}' % score)) for when, score in scores
        ]
        self._root.write(f"{deployed_id}/{object_name(at, container)}", b"".join(lines))

    def seen(self, now: float, cursor: str = "") -> Window:
        return BucketOfAnswers(self.place, lambda: now).since(cursor, "2", "1")


@pytest.fixture
def record(cloud: LocalCloud) -> Record:
    return Record(cloud)


def scores(answers: object) -> list[float]:
    assert isinstance(answers, tuple)
    return [each.scores["0"] for each in answers]


def test_the_empty_cursor_is_now_and_each_answer_is_in_one_window(record: Record) -> None:
    record.write("1", 1005.0, (995.0, 0.1), (1001.0, 0.2))
    first = record.seen(1000.0)
    assert (first.canary, first.stable) == ((), ())
    record.write("2", 1006.0, (1002.0, 0.3))
    record.write("1", 1012.0, (1008.0, 0.5), (1011.0, 0.6), container="b")
    record.write("3", 1006.0, (1002.0, 0.9))
    second = record.seen(1010.0 + SETTLED_SECONDS, first.cursor)
    assert (scores(second.canary), scores(second.stable)) == ([0.3], [0.2, 0.5])
    third = record.seen(1020.0 + SETTLED_SECONDS, second.cursor)
    assert (scores(third.canary), scores(third.stable)) == ([], [0.6])


def test_a_window_ends_where_everything_has_been_written(record: Record) -> None:
    cursor = record.seen(1000.0).cursor
    record.write("1", 1005.0, (1001.0, 0.1))
    assert record.seen(1000.0 + SETTLED_SECONDS, cursor) == Window((), (), cursor)
    assert scores(record.seen(1001.0 + SETTLED_SECONDS, cursor).stable) == [0.1]


def test_answers_of_several_containers_come_in_the_order_of_their_time(record: Record) -> None:
    cursor = record.seen(1000.0).cursor
    record.write("1", 1005.0, (1001.0, 0.1), (1004.0, 0.4), container="b")
    record.write("1", 1005.0, (1002.0, 0.2), (1003.0, 0.3), container="a")
    assert scores(record.seen(1010.0 + SETTLED_SECONDS, cursor).stable) == [0.1, 0.2, 0.3, 0.4]


def test_a_damaged_line_is_left_out(record: Record) -> None:
    cursor = record.seen(1000.0).cursor
    record.write("1", 1005.0, (1001.0, 0.1))
    BucketFolder(record.place).write(f"1/{object_name(1006.0, 'x')}", b"[1001.5,")
    assert scores(record.seen(1010.0 + SETTLED_SECONDS, cursor).stable) == [0.1]


def test_every_answer_of_a_container_is_in_the_record_and_golden_requests_are_not(tmp_path: Path) -> None:
    with LocalCloud(serves=True) as cloud, cloud.applied():
        cloud.storage.create_bucket("bucket", REGION)
        for version, base in (("101", 0.25), ("102", 0.9)):
            copy_folder(str(export_ride_model(tmp_path / version, base)), f"gs://bucket/serving/{version}")
        options = EndpointOptions(
            project=cloud.project,
            region=REGION,
            environment="prod",
            versions="gs://bucket/serving",
            serving_image=IMAGE,
            answers="gs://bucket/answers",
        )
        endpoint = VertexEndpoint(options, WORKLOAD, patience=PATIENCE)
        for deployed_id, version in (("11", "101"), ("12", "102")):
            endpoint.deploy(ModelVersion(deployed_id, WORKLOAD, version))
        endpoint.set_traffic({"11": 50, "12": 50}, endpoint.state().etag)
        assert isinstance(answer_source_at(endpoint.answers_at), BucketOfAnswers)
        cursor = answer_source_at(endpoint.answers_at).since("", "12", "11").cursor
        sent = Counter(endpoint.predict([RIDE]).deployed_id for _ in range(20))
        # By the copy at the second endpoint, which has the same id: no sample of what users send.
        endpoint.predict([{**RIDE, "hour": 0}], deployed_id="12")
        found = _settled(endpoint.answers_at, cursor, sum(sent.values()))
    assert {each: len(found[each]) for each in found} == sent
    assert [round(each.scores["tip"], 3) for each in found["11"] if each.scores] == [0.25] * sent["11"]
    assert [round(each.scores["tip"], 3) for each in found["12"] if each.scores] == [0.9] * sent["12"]
    assert all(0 < each.seconds < 60 for answers in found.values() for each in answers)


def _settled(place: str, cursor: str, wanted: int) -> dict[str, tuple[Observation, ...]]:
    """The answers of both versions once so many are there, read as if everything had been written."""
    until = time.monotonic() + 60
    source = BucketOfAnswers(place, lambda: time.time() + SETTLED_SECONDS)
    while time.monotonic() < until:
        window = source.since(cursor, "12", "11")
        if len(window.canary) + len(window.stable) >= wanted:
            return {"11": tuple(window.stable), "12": tuple(window.canary)}
        time.sleep(0.2)
    raise AssertionError(f"not in the record: {len(window.canary)} and {len(window.stable)} of {wanted}")
