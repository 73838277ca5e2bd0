"""A plan of a worker is one line of JSON, and comes back whole."""

from __future__ import annotations

import pytest

from serving.protocol.identity import Identity
from serving.worker.plan import FrontPlan, WorkerPlan, WorkerSettings


@pytest.mark.parametrize("front", [None, FrontPlan(Identity("7", "taxi", "1795"), "/a", "/b", 12.5)])
def test_a_plan_comes_back_whole(front: FrontPlan | None) -> None:
    plan = WorkerPlan("model", "/socket", 3, WorkerSettings(body_limit=5), front)
    text = plan.dumps()
    assert "\n" not in text
    assert WorkerPlan.loads(text) == plan
