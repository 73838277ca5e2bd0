"""The page says which goal is reached and which is missed."""

from __future__ import annotations

from benchmarks.serving.changes import Changed, Loading
from benchmarks.serving.measured import Measured
from benchmarks.serving.page import page

LIMIT = Measured(1500, 0.6, 0.9, 0.65, 100, 0)


def _verdicts(p50: float, rate: float, meanwhile: float, dropped: int) -> list[str]:
    ours = {1: Measured(800, p50, 2, 1.1, 100, 0), 64: Measured(rate, 10, 20, 0.2, 100, 0)}
    plain = {1: Measured(900, 1.0, 2, 1.0, 100, 0), 64: Measured(1000, 60, 90, 1.5, 100, 0)}
    loading = [Loading(200, 2.0, meanwhile, 8.0, 1600)]
    text = page("wrk", 0.1, LIMIT, ours, plain, loading, Changed(20_000, dropped, {"deploys": 3}))
    goals = text.split("| | shall be | is | |\n|---|---|---|---|\n")[1].split("\n\n")[0].splitlines()
    return [line.split(" | ")[-1].removesuffix(" |") for line in goals]


def test_each_goal_is_judged_by_itself() -> None:
    assert _verdicts(1.9, 2000, 3.0, 0) == ["reached"] * 4
    assert _verdicts(1.91, 2000, 3.0, 0) == ["missed", "reached", "reached", "reached"]
    assert _verdicts(1.9, 1999, 3.0, 0) == ["reached", "missed", "reached", "reached"]
    assert _verdicts(1.9, 2000, 3.1, 0) == ["reached", "reached", "missed", "reached"]
    assert _verdicts(1.9, 2000, 3.0, 1) == ["reached", "reached", "reached", "missed"]
