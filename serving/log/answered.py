"""One answer of a version, as the process that gave it hands it on to whoever keeps it."""

from __future__ import annotations

from typing import NamedTuple

# Of a request with more instances the serving log keeps the first ones.
MOST_INSTANCES = 64


class Answered(NamedTuple):
    """`time`: of the answer, in seconds of the epoch; `body`: of the answer, in JSON; `is_copy`: the request was a
    copy, and nobody saw the answer."""

    time: float
    deployed_id: str
    code: int
    seconds: float
    body: bytes
    is_copy: bool = False
