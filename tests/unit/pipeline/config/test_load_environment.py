"""`--environment` on this machine: the steps of the rollout and strict gates, below what the command line says."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SluiceError
from pipeline.config.load import load_environment, load_workload
from tests.samples.folders import ROOT


def test_dev_rolls_nothing_out_staging_is_short_and_prod_waits_for_a_person() -> None:
    dev, staging, prod = (
        load_workload("taxi", environment=name).serving.rollout for name in ("dev", "staging", "prod")
    )
    assert dev is None
    assert staging is not None and prod is not None
    assert (staging.approve, prod.approve) == ("auto", "manual")
    assert staging.shadow_percent == prod.shadow_percent == 100
    assert len(staging.canary_percents) < len(prod.canary_percents)
    assert staging.deadline_minutes < prod.deadline_minutes


@pytest.mark.parametrize(("name", "strict"), [("dev", False), ("staging", False), ("prod", True)])
def test_gates_are_strict_where_the_environments_are(name: str, strict: bool) -> None:
    assert load_workload("taxi", environment=name).gates.strict is strict is load_environment(name).strict_gates


def test_without_an_environment_the_workload_alone_decides() -> None:
    assert load_workload("taxi").serving.rollout is None
    wanted = load_workload("taxi", ["serving.rollout.approve=manual"]).serving.rollout
    assert wanted is not None and wanted.approve == "manual"


def test_the_environment_replaces_the_workloads_steps_and_the_command_line_has_the_last_word(tmp_path: Path) -> None:
    text = (ROOT / "configs/taxi.yaml").read_text(encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(f"{text}\nserving:\n  rollout: {{approve: manual, canary_percents: [50]}}\n", encoding="utf-8")
    assert load_workload(str(file), environment="dev").serving.rollout is None
    staging = load_workload(str(file), ["serving.rollout.canary_percents=[20]"], environment="staging").serving.rollout
    assert staging is not None
    assert (staging.approve, staging.canary_percents) == ("auto", [20])


def test_an_environment_that_does_not_name_the_rollout_leaves_the_workloads(tmp_path: Path) -> None:
    text = (ROOT / "configs/environments/dev.yaml").read_text(encoding="utf-8")
    file = tmp_path / "plain.yaml"
    file.write_text(text.replace("\nrollout: null\n", "\n"), encoding="utf-8")
    file_with_rollout = tmp_path / "mine.yaml"
    workload = (ROOT / "configs/taxi.yaml").read_text(encoding="utf-8")
    file_with_rollout.write_text(f"{workload}\nserving:\n  rollout: {{canary_percents: [50]}}\n", encoding="utf-8")
    kept = load_workload(str(file_with_rollout), environment=str(file)).serving.rollout
    assert kept is not None and kept.canary_percents == [50]


def test_an_environment_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(SluiceError, match="there is no environment `stagin`; did you mean `staging`"):
        load_workload("taxi", environment="stagin")
