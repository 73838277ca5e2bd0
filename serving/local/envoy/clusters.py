"""Where Envoy finds the processes behind it: each listens on a socket of this machine that no one else can open."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from serving.local.worker import MOST_COPIES, MOST_IN_FLIGHT, front_sockets

ROUTER = "router"
_COPIES = "-copies"
# Connections end here before they end at the other side, whose end could meet a request on its way: a worker keeps them
# for an hour, the router for a minute.
_IDLE_SECONDS = 30
_CONNECT_SECONDS = 5
_PROTOCOL = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def copies_of(worker: str) -> str:
    """The cluster for copies of requests; that for requests has the name of the worker."""
    return worker + _COPIES


def clusters_of(workers: Iterable[str], sockets: Path) -> list[dict[str, Any]]:
    """Two clusters for each worker, which listens in the folder `sockets`."""
    found = []
    for each in workers:
        requests, copies = front_sockets(sockets, each)
        found.append(cluster(each, requests, MOST_IN_FLIGHT))
        found.append(cluster(copies_of(each), copies, MOST_COPIES))
    return found


def cluster(name: str, unix_socket: str, most_requests: int) -> dict[str, Any]:
    """One process behind Envoy, with at most so many requests at once; more are refused."""
    limit = {
        "max_connections": most_requests,
        "max_pending_requests": most_requests,
        "max_requests": most_requests,
    }
    address = {"pipe": {"path": unix_socket}}
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": f"{_CONNECT_SECONDS}s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "circuit_breakers": {"thresholds": [limit]},
        "typed_extension_protocol_options": {
            _PROTOCOL: {
                "@type": f"type.googleapis.com/{_PROTOCOL}",
                "common_http_protocol_options": {"idle_timeout": f"{_IDLE_SECONDS}s"},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }
