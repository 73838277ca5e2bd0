"""What a worker is started with; free of TensorFlow, for whoever starts one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from serving.protocol.body import BODY_LIMIT
from serving.protocol.identity import Identity

PREDICT_ROUTE, HEALTH_ROUTE = "/predict", "/healthz"


@dataclass(frozen=True)
class WorkerSettings:
    """How a version is served. At most `batch_rows` rows go through the model at once, at most `queue_rows` wait.

    `body_limit` and `answer_limit` are bytes of a request and of an answer; 0: an answer may have any length.
    """

    predict_route: str = PREDICT_ROUTE
    health_route: str = HEALTH_ROUTE
    body_limit: int = BODY_LIMIT
    answer_limit: int = 0
    batch_rows: int = 256
    queue_rows: int = 4096


@dataclass(frozen=True)
class FrontPlan:
    """For a worker that answers clients by itself, behind a front that splits: requests come to one socket, copies of
    requests to the other. `log_share`: percent of the requests that are logged.

    The token that clients need is no part of it, for every user of the machine sees the arguments of a process.
    """

    identity: Identity
    requests: str
    copies: str
    log_share: float = 0.0


@dataclass(frozen=True)
class WorkerPlan:
    """A worker listens on `unix_socket`, and writes a report to the pipe `report_to`: the signature, or the problem."""

    model: str
    unix_socket: str
    report_to: int
    settings: WorkerSettings = field(default_factory=WorkerSettings)
    front: FrontPlan | None = None

    def dumps(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> WorkerPlan:
        """What `dumps` wrote."""
        plain = json.loads(text)
        front = plain["front"]
        if front is not None:
            front = FrontPlan(**{**front, "identity": Identity(**front["identity"])})
        return cls(**{**plain, "settings": WorkerSettings(**plain["settings"]), "front": front})
