"""What the page shows of an endpoint, as plain values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter

from serving.local.router import Router
from serving.protocol.errors import RequestError
from serving.protocol.signature import Feature

Figures = Mapping[str, Mapping[str, int]]


def state_of(router: Router) -> dict[str, Any]:
    """Every deployed version with its share, whether it answers, and its answers by code since the server began."""
    fleet = router.running()
    state, mirror = fleet.state, fleet.state.mirror
    answers, copies = _by_version(router.metrics.requests), _by_version(router.metrics.copies)
    deployed = [
        {
            "id": deployed_id,
            "version": worker.stored.version,
            "share": state.traffic.get(deployed_id, 0),
            "copied": mirror.share if mirror and mirror.deployed_id == deployed_id else 0,
            "ready": worker.ready,
            "problem": worker.problem,
            "answers": answers.get(worker.stored.version, {}),
            "copies": copies.get(worker.stored.version, {}),
        }
        for deployed_id, worker in fleet.workers.items()
    ]
    return {"endpoint": state.endpoint, "deployed": deployed, "unready": fleet.unready()}


def form_of(router: Router) -> dict[str, Any]:
    """The inputs of the version with the most traffic, and golden requests to try.

    Raises:
      RequestError: 503 while no version with traffic is loaded.
    """
    fleet = router.running()
    shares = fleet.state.traffic
    loaded = [each for each in shares if fleet.workers[each].report]
    if not loaded:
        raise RequestError(503, "no version is loaded yet")
    worker = fleet.workers[max(loaded, key=shares.__getitem__)]
    report = worker.report
    return {
        "model": fleet.state.endpoint,
        "version": worker.stored.version,
        "label": report["label"],
        "features": [_feature(each) for each in report["features"]],
        "samples": report["samples"],
    }


def _feature(plain: Mapping[str, Any]) -> dict[str, Any]:
    feature = Feature(plain["name"], plain["kind"], tuple(plain["shape"]))
    return {**plain, "image": feature.is_image()}


def _by_version(counter: Counter) -> Figures:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for metric in counter.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                found[sample.labels["version"]][sample.labels["code"]] = int(sample.value)
    return found
