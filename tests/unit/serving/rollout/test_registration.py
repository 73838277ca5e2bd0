"""The registry says how far a rollout has come, and moves production at its end alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from registry.folder import FolderRegistry
from serving.contract import ModelVersion
from serving.rollout.order import Registered, RolloutOrder
from serving.rollout.record import Phase, Rollout
from serving.rollout.registration import Registration
from tests.samples.registrations import submission


@pytest.fixture
def registry(tmp_path: Path) -> FolderRegistry:
    """1.0.0 is in production; 1.0.1 is to be rolled out."""
    registry = FolderRegistry(tmp_path / "registry")
    registry.register(submission(tmp_path / "first"))
    registry.deployed("taxi", "1.0.0", "pushed-1")
    registry.register(submission(tmp_path / "second", b"other"))
    return registry


def _rollout(registry: FolderRegistry, phase: Phase) -> Rollout:
    order = RolloutOrder("out/serving/taxi", "model", registered=Registered(registry.place, "taxi", "1.0.1"))
    return Rollout("00001-2", ModelVersion("2", "taxi", "2"), "1", phase, order=order)


def _stages(registry: FolderRegistry) -> dict[str, str]:
    return {each.version: each.labels.get("stage", "") for each in registry.versions("taxi")}


@pytest.mark.parametrize("phase", [Phase.STAGING, Phase.CANARY, Phase.PRODUCTION, Phase.WARM, Phase.ROLLING_BACK])
def test_before_the_end_it_is_a_canary_and_production_stays(registry: FolderRegistry, phase: Phase) -> None:
    assert Registration().record(_rollout(registry, phase)) is None
    assert _stages(registry) == {"1.0.0": "production", "1.0.1": "canary"}
    assert registry.find("taxi", "production").version == "1.0.0"
    assert registry.find("taxi", "1.0.1").labels["deployment"] == "pushed-2"


def test_a_version_that_is_rolled_out_is_in_production(registry: FolderRegistry) -> None:
    registration = Registration()
    for phase in (Phase.CANARY, Phase.WARM, Phase.DONE):
        assert registration.record(_rollout(registry, phase)) is None
    assert _stages(registry) == {"1.0.0": "archived", "1.0.1": "production"}
    assert registry.find("taxi", "production").version == "1.0.1"


def test_a_version_that_is_taken_back_says_so_and_may_be_rolled_out_again(registry: FolderRegistry) -> None:
    registration = Registration()
    for phase in (Phase.CANARY, Phase.ROLLED_BACK):
        assert registration.record(_rollout(registry, phase)) is None
    assert _stages(registry) == {"1.0.0": "production", "1.0.1": "rolled-back"}
    assert Registration().record(_rollout(registry, Phase.DONE)) is None
    assert _stages(registry) == {"1.0.0": "archived", "1.0.1": "production"}


def test_an_unchanged_stage_is_not_written_again(registry: FolderRegistry) -> None:
    registration = Registration()
    registration.record(_rollout(registry, Phase.STAGING))
    index = registry.root / "taxi/index.json"
    before = index.stat().st_mtime_ns, index.stat().st_ino
    registration.record(_rollout(registry, Phase.CANARY))
    assert (index.stat().st_mtime_ns, index.stat().st_ino) == before


def test_what_people_changed_after_the_end_stays(registry: FolderRegistry) -> None:
    Registration().record(_rollout(registry, Phase.DONE))
    registry.alias("taxi", "1.0.0", "production")
    Registration().record(_rollout(registry, Phase.DONE))
    assert registry.find("taxi", "production").version == "1.0.0"


@pytest.mark.parametrize(
    ("phase", "by_hand"),
    [(Phase.DONE, "alias taxi 1.0.1 production"), (Phase.ROLLED_BACK, "label taxi 1.0.1 stage=rolled-back")],
)
def test_a_registry_that_cannot_be_changed_is_for_a_person(
    registry: FolderRegistry, phase: Phase, by_hand: str
) -> None:
    shutil.rmtree(registry.root / "taxi/1.0.1")
    unrecorded = Registration().record(_rollout(registry, phase))
    assert unrecorded is not None
    assert "does not say that the stage of taxi 1.0.1 is" in unrecorded.reason
    assert by_hand in unrecorded.remedy


def test_a_rollout_without_a_registered_version_changes_no_registry(registry: FolderRegistry) -> None:
    before = _stages(registry)
    plain = Rollout("00001-2", ModelVersion("2", "taxi", "2"), "1", Phase.DONE, order=RolloutOrder("e", "m"))
    assert Registration().record(plain) is None
    assert _stages(registry) == before


def test_what_is_missing_of_a_rollout_that_was_replaced_is_not_forgotten(registry: FolderRegistry) -> None:
    replaced = _rollout(registry, Phase.ROLLED_BACK)
    other = RolloutOrder("out/serving/taxi", "model", registered=Registered(registry.place, "taxi", "1.0.0"))
    following = replace(replaced, id="00002-1", phase=Phase.CANARY, order=other)
    away = registry.root / "taxi/1.0.1"
    shutil.move(away, registry.root / "aside")
    registration = Registration()
    registration.record(replaced)
    registration.record(following)
    assert registration.unrecorded is not None
    assert "the stage of taxi 1.0.1 is rolled-back" in registration.unrecorded.reason
    assert "label taxi 1.0.1 stage=rolled-back" in registration.unrecorded.remedy
    shutil.move(registry.root / "aside", away)
    registration.record(replaced)
    assert registration.unrecorded is None
