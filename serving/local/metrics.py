"""The figures of an endpoint, for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from serving.local.fleet import Fleet

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


@dataclass
class Metrics:
    """Figures by version, in an own registry: two endpoints in one process must not mix theirs."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        by_version = ["model", "version"]
        self.requests = Counter("sluice_requests", "Answers", [*by_version, "code"], registry=self.registry)
        self.copies = Counter("sluice_mirrored_requests", "Copies", [*by_version, "code"], registry=self.registry)
        self.seconds = Histogram(
            "sluice_request_seconds", "Until the answer", by_version, buckets=_SECONDS, registry=self.registry
        )
        self.share = Gauge("sluice_traffic_share", "Percent of the requests", by_version, registry=self.registry)
        self.ready = Gauge("sluice_ready", "1 when the version answers", by_version, registry=self.registry)

    def text(self, fleet: Fleet) -> bytes:
        """In the format that Prometheus reads."""
        self.share.clear()
        self.ready.clear()
        for deployed_id, worker in fleet.workers.items():
            labels = (worker.stored.model, worker.stored.version)
            self.share.labels(*labels).set(fleet.state.traffic.get(deployed_id, 0))
            self.ready.labels(*labels).set(worker.ready)
        return generate_latest(self.registry)
