"""The shares of a state as ranges of the number that Envoy draws for a request."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from serving.local.envoy.clusters import ROUTER, copies_of
from serving.local.envoy.routes import routes_of
from serving.local.state import StoredMirror, StoredModel, StoredState

WORKERS = {"1": "1-0", "2": "2-1", "3": "3-2"}
_DENOMINATORS = {"HUNDRED": 100, "MILLION": 1_000_000}


def _routes(traffic: dict[str, int], mirror: StoredMirror | None = None) -> list[dict[str, Any]]:
    deployed = [StoredModel(deployed_id=each, model="a.b", version=each) for each in WORKERS]
    state = StoredState(endpoint="a.b", etag="e", deployed=deployed, traffic=traffic, mirror=mirror)
    found: list[dict[str, Any]] = routes_of(state, WORKERS)["virtual_hosts"][0]["routes"]
    return found


def _takes(fraction: dict[str, Any], drawn: int) -> bool:
    """As Envoy compares."""
    value = fraction["default_value"]
    return bool(drawn % _DENOMINATORS[value["denominator"]] < value["numerator"])


def _sent(routes: list[dict[str, Any]], drawn: int) -> tuple[str, str]:
    """Where a prediction goes for which this number was drawn, and where its copy."""
    route = next(each for each in routes if _takes(each["match"]["runtime_fraction"], drawn))["route"]
    copies = [
        each["cluster"] for each in route.get("request_mirror_policies", ()) if _takes(each["runtime_fraction"], drawn)
    ]
    return route["cluster"], copies[0] if copies else ""


@pytest.mark.parametrize("traffic", [{"1": 100}, {"1": 90, "2": 10}, {"1": 33, "2": 33, "3": 34}, {"3": 1, "1": 99}])
def test_each_version_has_its_share(traffic: dict[str, int]) -> None:
    routes = _routes(traffic)
    counts = Counter(_sent(routes, drawn)[0] for drawn in range(1000))
    assert counts == {WORKERS[name]: share * 10 for name, share in traffic.items()}


def test_each_version_is_copied_in_the_same_share_but_for_the_one_that_gets_the_copies() -> None:
    routes = _routes({"1": 60, "2": 40}, StoredMirror(share=25, deployed_id="2"))
    counts = Counter(_sent(routes, drawn) for drawn in range(1_000_000))
    assert counts == {
        ("1-0", copies_of("2-1")): 150_000,
        ("1-0", ""): 450_000,
        ("2-1", ""): 400_000,
    }


@pytest.mark.parametrize(
    ("path", "is_prediction"),
    [
        ("/v1/models/a.b:predict", True),
        ("/v1/projects/p/locations/l/endpoints/a.b:predict", True),
        ("/v1/projects/p/locations/l/endpoints/a.b:rawPredict", True),
        ("/v1/models/aXb:predict", False),
        ("/v1/models/a.b:rawPredict", False),
        ("/v1/models/a.b/versions/1:predict", False),
        ("/v1/projects/p/q/locations/l/endpoints/a.b:predict", False),
        ("/healthz", False),
    ],
)
def test_predictions_that_name_no_version_go_past_the_router(path: str, is_prediction: bool) -> None:
    prediction, rest = _routes({"1": 100})
    assert bool(re.fullmatch(prediction["match"]["safe_regex"]["regex"], path)) is is_prediction
    assert (rest["match"], rest["route"]["cluster"]) == ({"prefix": "/"}, ROUTER)


def test_without_traffic_all_goes_to_the_router() -> None:
    assert [each["route"]["cluster"] for each in _routes({})] == [ROUTER]
