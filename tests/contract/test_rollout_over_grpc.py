"""A rollout at a running endpoint, watched by what users send: in gRPC alone as in JSON alone."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import httpx
import pytest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint
from serving.log.answer_source import answer_source_at
from serving.rollout.folder_store import FolderStore
from serving.rollout.record import Phase, Rollout
from serving.rollout.run import RolloutTools, roll_out
from serving.watch.settings import WatchSettings
from tests.samples.grpc_calls import SECONDS, arrays_of, grpc_address_of, request_for
from tests.samples.rolling_out import GOLDEN, PLAN
from tests.samples.served_models import RIDE, WORKLOAD, Server, export_ride_model, served

# The golden request is a ride at 8, which every version answers alike.
HOURS = (0, 1, 8)
# Nothing counts as slow: how long an answer takes on this machine shows nothing here.
WATCH = WatchSettings(failure_margin=0.1, slow_margin=0.3, slowdown=1e6, prediction_margin=0.6)
QUICK = replace(PLAN, window_seconds=0.5, deadline_minutes=20.0, watch=WATCH)
_USERS = 4
Send = Callable[[int], None]
Users = Callable[[Server, str], AbstractContextManager[Send]]


@pytest.fixture(scope="module")
def grpc_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """Version 101 has all traffic; 102 is like it. Of rides at 1, 103 gives NaN and 104 another probability."""
    home = tmp_path_factory.mktemp("out")
    for version, at_one in (("101", 0.25), ("102", 0.25), ("103", float("nan")), ("104", 0.95)):
        export_ride_model(home / "serving" / WORKLOAD / version, 0.25, at_one=at_one)
    folder = home / "serving" / WORKLOAD / ".endpoint"
    folder.mkdir()
    (folder / "state.json").write_text(
        '{"endpoint": "rides", "etag": "first", "follows_newest": false, "traffic": {"101": 100}, "deployed": ['
        '{"deployed_id": "101", "model": "rides", "version": "101"}]}'
    )
    with served(home, "--grpc-port", "0") as server:
        yield server, grpc_address_of(server)


@contextmanager
def _by_json(server: Server, _: str) -> Iterator[Send]:
    with httpx.Client(trust_env=False, timeout=SECONDS) as client:

        def send(hour: int) -> None:
            client.post(server.predict_url, json={"instances": [{**RIDE, "hour": hour}]})

        yield send


@contextmanager
def _by_grpc(_: Server, address: str) -> Iterator[Send]:
    with grpc.insecure_channel(address) as channel:
        stub = PredictionServiceStub(channel)

        def send(hour: int) -> None:
            try:
                stub.Predict(request_for(arrays_of([{**RIDE, "hour": hour}])), timeout=SECONDS)
            except grpc.RpcError as refused:
                assert refused.code() is grpc.StatusCode.INTERNAL, refused.details()

        yield send


@contextmanager
def _traffic(send: Send) -> Iterator[None]:
    """Rides at hours by chance, until the block ends."""
    ended = threading.Event()

    def ask(seed: int) -> None:
        draw = random.Random(seed)
        while not ended.is_set():
            send(draw.choice(HOURS))

    with ThreadPoolExecutor(_USERS) as users:
        asking = [users.submit(ask, seed) for seed in range(_USERS)]
        try:
            yield
        finally:
            ended.set()
    for each in asking:
        each.result()


def _rolled_out(server: Server, version: str, send: Send, folder: Path) -> Rollout:
    endpoint = LocalEndpoint(server.versions, WORKLOAD)
    tools = RolloutTools(endpoint, answer_source_at(endpoint.answers_at), GOLDEN, FolderStore(folder, WORKLOAD))
    with _traffic(send):
        return roll_out(ModelVersion(version, WORKLOAD, version), QUICK, tools)


@pytest.mark.parametrize("users", [_by_json, _by_grpc])
@pytest.mark.parametrize(("version", "reason"), [("103", "failed"), ("104", "tip")])
def test_answers_that_are_nan_or_otherwise_bring_the_version_before_back(
    grpc_server: tuple[Server, str], tmp_path: Path, users: Users, version: str, reason: str
) -> None:
    server, address = grpc_server
    with users(server, address) as send:
        rollout = _rolled_out(server, version, send, tmp_path)
    assert (rollout.phase, rollout.exit_code) == (Phase.ROLLED_BACK, 2), rollout.reason
    assert reason in rollout.reason
    state = LocalEndpoint(server.versions, WORKLOAD).state()
    assert (dict(state.traffic), [each.version for each in state.deployed]) == ({"101": 100}, ["101"])


def test_a_version_that_answers_alike_passes_the_shadow_by_its_scores(tmp_path: Path) -> None:
    for version in ("101", "102"):
        export_ride_model(tmp_path / "serving" / WORKLOAD / version, 0.25)
    with served(tmp_path, "--grpc-port", "0") as server:
        endpoint = LocalEndpoint(server.versions, WORKLOAD)
        endpoint.deploy(ModelVersion("101", WORKLOAD, "101"))
        endpoint.set_traffic({"101": 100}, endpoint.state().etag)
        endpoint.undeploy("102")
        with _by_grpc(server, grpc_address_of(server)) as send:
            rollout = _rolled_out(server, "102", send, tmp_path)
    assert rollout.phase is Phase.DONE, rollout.reason
