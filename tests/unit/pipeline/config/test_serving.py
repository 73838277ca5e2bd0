"""The section `serving`: the rollout as the pipeline configures it is the one that serving carries out."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import ValidationError

from pipeline.config.serving import RolloutConfig, ServingConfig, WatchConfig
from serving.rollout.plan import RolloutPlan
from serving.watch.settings import WatchSettings


def test_without_a_rollout_a_version_is_pushed_into_the_folder_alone() -> None:
    assert ServingConfig().rollout is None


def test_the_defaults_of_the_section_are_those_of_serving() -> None:
    assert RolloutConfig().plan() == RolloutPlan()
    assert set(WatchConfig.model_fields) == {each.name for each in dataclasses.fields(WatchSettings)}


def test_every_key_reaches_the_plan() -> None:
    given = {
        "shadow_percent": 50,
        "canary_percents": [5, 25],
        "window_seconds": 10.0,
        "deadline_minutes": 20.0,
        "warm_minutes": 0.0,
        "approve": "manual",
        "latency_budget_ms": 50.0,
        "tolerance": 0.01,
        "watch": {"failure_margin": 0.02, "false_rollback": 0.001},
    }
    assert given.keys() == RolloutConfig.model_fields.keys()
    assert RolloutConfig.model_validate(given).plan() == RolloutPlan(
        shadow_share=50,
        canary_shares=(5, 25),
        window_seconds=10.0,
        deadline_minutes=20.0,
        warm_minutes=0.0,
        approve="manual",
        latency_budget_ms=50.0,
        tolerance=0.01,
        watch=WatchSettings(failure_margin=0.02, false_rollback=0.001),
    )


@pytest.mark.parametrize("shares", [[50, 10], [10, 10], [0], [100]])
def test_shares_that_do_not_rise_or_leave_nothing_to_compare_are_refused(shares: list[int]) -> None:
    with pytest.raises(ValidationError):
        RolloutConfig(canary_percents=shares)
