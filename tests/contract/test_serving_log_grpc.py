"""Requests in gRPC are in the serving log as the same rows in JSON are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint
from serving.log.answered import MOST_INSTANCES
from serving.log.sample import MOST_BODY
from tests.samples.grpc_calls import SECONDS, arrays_of, grpc_address_of, request_for
from tests.samples.served_logs import ALL, logs_of, wait
from tests.samples.served_models import (
    RIDE,
    WORKLOAD,
    Server,
    export_image_model,
    export_plain_model,
    export_ride_model,
    served,
)

Rows = Sequence[Mapping[str, Any]]


class Client:
    """Sends rows by both ways, each under an id."""

    def __init__(self, server: Server, stub: PredictionServiceStub) -> None:
        self._server = server
        self._stub = stub

    def in_json(self, rows: Rows, request_id: str) -> None:
        headers = {"X-Request-Id": request_id}
        body = {"instances": rows}
        sent = httpx.post(self._server.predict_url, json=body, headers=headers, timeout=SECONDS, trust_env=False)
        assert (sent.status_code, sent.headers["X-Request-Id"]) == (200, request_id), sent.text

    def in_grpc(self, columns: Mapping[str, NDArray[Any]], request_id: str, **spec: Any) -> str:
        """The id that the answer carries."""
        return self.send(request_for(columns, **spec), (("x-request-id", request_id),))

    def send(self, request: predict_pb2.PredictRequest, metadata: Sequence[tuple[str, str]] = ()) -> str:
        """The id that the answer carries."""
        _, call = self._stub.Predict.with_call(request, timeout=SECONDS, metadata=metadata)
        return str(dict(call.trailing_metadata())["x-request-id"])


@contextmanager
def _client(home: Path, *options: str, **environment: str) -> Iterator[tuple[Server, Client]]:
    running = served(home, "--grpc-port", "0", *ALL, *options, **environment)
    with running as server, grpc.insecure_channel(grpc_address_of(server)) as channel:
        yield server, Client(server, PredictionServiceStub(channel))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    return tmp_path


def _entries(home: Path) -> dict[str, list[Any]]:
    """The logs by the id of their request, without their time."""
    found: dict[str, list[Any]] = {}
    for log in logs_of(home):
        log.log_metadata.timestamp_secs = 0
        found.setdefault(log.log_metadata.request_origin, []).append(log)
    return found


def _ids(home: Path) -> list[str]:
    return [log.log_metadata.request_origin for log in logs_of(home)]


RIDES: Mapping[str, Rows] = {
    "one": [RIDE],
    "several": [RIDE, {**RIDE, "hour": 0, "fare": -1.5}, {**RIDE, "company": "Zoë & Söhne"}],
    "missing": [{**RIDE, "fare": None}, {**RIDE, "company": None}],
    "absent": [{"hour": 8}, {"hour": 0}],
    "many": [{**RIDE, "hour": number % 24} for number in range(MOST_INSTANCES + 9)],
}


@pytest.mark.parametrize("options", [(), ("--log-hash", "company", "--log-hash", "fare", "--log-omit", "hour")])
def test_the_same_rides_in_json_and_in_grpc_are_equal_entries(home: Path, options: tuple[str, ...]) -> None:
    with _client(home, *options, SLUICE_LOG_SALT="salt") as (server, client):
        for name, rides in RIDES.items():
            client.in_json(rides, name)
            assert client.in_grpc(arrays_of(rides), name) == name
        assert server.stop() == 0
    entries = _entries(home)
    assert set(entries) == set(RIDES)
    for by_json, by_grpc in entries.values():
        assert by_grpc.SerializeToString(deterministic=True) == by_json.SerializeToString(deterministic=True)
    log = entries["many"][1].predict_log
    rows = {each.tensor_shape.dim[0].size for each in (*log.request.inputs.values(), *log.response.outputs.values())}
    assert rows == {MOST_INSTANCES}
    assert set(log.request.inputs) == ({"company", "fare", "hour"} if not options else set())
    assert {"tip", "no tip", "label"} <= set(log.response.outputs)


_PIXELS = np.arange(32, dtype=np.int64).reshape(2, 4, 4, 1)


@pytest.mark.parametrize(
    ("export", "rows", "columns"),
    [
        (export_image_model, [{"image": each} for each in _PIXELS.tolist()], {"image": _PIXELS}),
        (
            export_plain_model,
            [{"pair": [1.5, 2.0], "wanted": True}, {"pair": [0.0, 1.0], "wanted": False}],
            {"pair": np.float32([[1.5, 2], [0, 1]]), "wanted": np.array([True, False])},
        ),
    ],
)
def test_so_are_those_of_images_and_of_a_model_without_names_of_classes(
    tmp_path: Path, export: Callable[[Path], Path], rows: Rows, columns: dict[str, NDArray[Any]]
) -> None:
    export(tmp_path / "serving" / WORKLOAD / "101")
    with _client(tmp_path) as (server, client):
        client.in_json(rows, "both")
        client.in_grpc(columns, "both")
        assert server.stop() == 0
    by_json, by_grpc = _entries(tmp_path)["both"]
    assert by_grpc.SerializeToString(deterministic=True) == by_json.SerializeToString(deterministic=True)
    assert set(by_grpc.predict_log.request.inputs) == set(columns)
    assert by_grpc.predict_log.response.outputs


def test_what_names_a_version_is_refused_is_too_long_or_is_a_copy_is_not_in_the_log(home: Path) -> None:
    export_ride_model(home / "serving" / WORKLOAD / "102", 0.5)
    with _client(home) as (server, client):
        endpoint = LocalEndpoint(server.versions, WORKLOAD)
        for version in ("101", "102"):
            endpoint.deploy(ModelVersion(version, WORKLOAD, version))
        endpoint.set_traffic({"101": 100}, endpoint.state().etag)
        endpoint.mirror(100, "102", endpoint.state().etag)
        client.in_grpc(arrays_of([RIDE]), "kept")
        made = client.send(request_for(arrays_of([RIDE])))
        client.in_grpc(arrays_of([RIDE]), "version", version=101)
        client.in_grpc(arrays_of([{**RIDE, "company": "x" * MOST_BODY}]), "long")
        with pytest.raises(grpc.RpcError) as refused:
            client.in_grpc(arrays_of([{"fare": 1.0}]), "refused")
        assert dict(refused.value.trailing_metadata())["x-request-id"] == "refused"
        assert server.stop() == 0
    assert _ids(home) == ["kept", made]
    assert {log.log_metadata.model_spec.version.value for log in logs_of(home)} == {101}


def test_an_id_that_cannot_be_used_is_replaced(home: Path) -> None:
    with _client(home) as (server, client):
        made = client.in_grpc(arrays_of([RIDE]), "two words")
        assert server.stop() == 0
    assert len(made) == 32
    assert _ids(home) == [made]


def test_a_killed_server_loses_the_last_interval_at_most_and_leaves_whole_files(home: Path) -> None:
    with _client(home, "--log-every", "0.1") as (server, client):
        for number in range(20):
            client.in_grpc(arrays_of([RIDE]), f"early-{number}")
        wait(lambda: len(logs_of(home)) == 20, "the first requests are not in the log")
        for number in range(20):
            client.in_grpc(arrays_of([RIDE]), f"late-{number}")
        server.kill()
    names = _ids(home)
    assert names[:20] == [f"early-{number}" for number in range(20)]
    assert names[20:] == [f"late-{number}" for number in range(len(names) - 20)]
    with _client(home) as (server, client):
        client.in_grpc(arrays_of([RIDE]), "after")
        assert server.stop() == 0
    assert _ids(home)[-1] == "after"
