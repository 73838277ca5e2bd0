"""The split of the traffic as Envoy's routes: predictions go to the versions, all else to the router."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from serving.local.envoy.clusters import ROUTER, copies_of
from serving.local.state import StoredMirror, StoredState
from serving.local.worker import ANSWER_SECONDS

NAME = "split"


def routes_of(state: StoredState, workers: Mapping[str, str]) -> dict[str, Any]:
    """The routes for a state; `workers`: their names by deployed id. Requests that name a version go to the router."""
    routes = [*_predictions(state, workers), _to_router()]
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": NAME,
        "virtual_hosts": [{"name": "endpoint", "domains": ["*"], "routes": routes}],
        # A cluster may come a moment after the routes that name it.
        "validate_clusters": False,
    }


def _predictions(state: StoredState, workers: Mapping[str, str]) -> list[dict[str, Any]]:
    """A route for each version with traffic.

    Not one route with weighted clusters: that copies a request also to the version that answers it. Envoy draws one
    number for a request and compares it with every route in turn, so each has the shares before it added to its own.
    """
    found, passed = [], 0
    for deployed_id, share in state.traffic.items():
        passed += share
        action: dict[str, Any] = {"cluster": workers[deployed_id], "timeout": f"{ANSWER_SECONDS}s"}
        if copies := _copies(state.mirror, deployed_id, workers):
            action["request_mirror_policies"] = [copies]
        fraction = {"default_value": {"numerator": passed, "denominator": "HUNDRED"}}
        found.append({"match": {**_is_prediction(state.endpoint), "runtime_fraction": fraction}, "route": action})
    return found


def _is_prediction(name: str) -> dict[str, Any]:
    name = re.escape(name)
    parents = "projects/[^/]+/locations/[^/]+/endpoints"
    paths = f"/v1/(models/{name}:predict|{parents}/{name}:(predict|rawPredict))"
    return {
        "safe_regex": {"regex": paths},
        "headers": [{"name": ":method", "string_match": {"exact": "POST"}}],
    }


def _copies(mirror: StoredMirror | None, answering: str, workers: Mapping[str, str]) -> dict[str, Any] | None:
    if mirror is None or mirror.deployed_id == answering:
        return None
    # Envoy compares the same number again: by its last six digits, of which the last two chose the version, so that a
    # version's share of the requests is its share of the copied ones.
    fraction = {"numerator": mirror.share * 10_000, "denominator": "MILLION"}
    return {
        "cluster": copies_of(workers[mirror.deployed_id]),
        "runtime_fraction": {"default_value": fraction},
        "disable_shadow_host_suffix_append": True,
    }


def _to_router() -> dict[str, Any]:
    # The router has a limit of its own, and knows why a version does not answer.
    return {"match": {"prefix": "/"}, "route": {"cluster": ROUTER, "timeout": f"{ANSWER_SECONDS + 5}s"}}
