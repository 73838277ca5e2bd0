"""Rides of the taxi data as users send them to an endpoint."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from tests.samples.grpc_calls import SECONDS, arrays_of, request_for
from tests.samples.local_runs import TAXI_CSV

Instance = dict[str, Any]
_AT_ONCE = 8


def rides(count: int, kinds: dict[str, str], seed: int) -> list[Instance]:
    """Rides drawn from the data, with the features of a signature, whose kinds are given by name."""
    with TAXI_CSV.open() as file:
        rows = list(csv.DictReader(file))
    drawn = random.Random(seed).choices(rows, k=count)
    return [{name: _value(row[name], kind) for name, kind in kinds.items()} for row in drawn]


def in_kilometres(ride: Instance) -> Instance:
    """The same ride of a client that measures otherwise; rounded, as the miles of the data are."""
    miles = ride["trip_miles"]
    return {**ride, "trip_miles": None if miles is None else round(miles * 1.609344, 1)}


def kinds_of(url: str, model: str) -> dict[str, str]:
    """The features that the model takes, and their kinds, as the endpoint describes them."""
    described = httpx.get(f"{url}/v1/models/{model}/metadata", trust_env=False, timeout=60).json()
    return {each["name"]: each["kind"] for each in described["sluice"]["features"]}


def send(url: str, model: str, instances: list[Instance], changed: Callable[[Instance], Instance]) -> None:
    """One request each, some at a time; every one is answered."""
    with httpx.Client(trust_env=False, timeout=60) as client, ThreadPoolExecutor(_AT_ONCE) as threads:

        def sent(instance: Instance) -> int:
            return client.post(f"{url}/v1/models/{model}:predict", json={"instances": [changed(instance)]}).status_code

        codes = set(threads.map(sent, instances))
    assert codes == {200}


def send_in_grpc(
    address: str, model: str, instances: list[Instance], changed: Callable[[Instance], Instance], kinds: dict[str, str]
) -> None:
    """As `send`."""
    with grpc.insecure_channel(address) as channel, ThreadPoolExecutor(_AT_ONCE) as threads:
        stub = PredictionServiceStub(channel)

        def sent(instance: Instance) -> int:
            request = request_for(arrays_of([changed(instance)], kinds), model)
            return len(stub.Predict(request, timeout=SECONDS).outputs)

        outputs = set(threads.map(sent, instances))
    assert outputs == {1}


def _value(text: str, kind: str) -> Any:
    if not text:
        return None
    return text if kind == "string" else float(text) if kind.startswith("float") else int(float(text))
