"""A model that must not reach the endpoint is not pushed, and the verdict gives the reason."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.samples.local_runs import QUICK, TAXI_CSV, Run, run_locally

pytestmark = pytest.mark.e2e


def test_refuses_by_threshold_and_leaves_the_pushed_model_alone(first_run: Run, run_again: Callable[..., Run]) -> None:
    assert first_run.exit_code == 0, first_run.printed
    serving = first_run.output / "serving"
    before = _contents(serving)

    refused = run_again("--set", "evaluator.thresholds.auc.at_least=0.99")

    assert refused.exit_code == 2, refused.printed
    assert refused.record["outcome"] == "refused"
    assert refused.record["pushed_version"] is None
    assert _contents(serving) == before
    value = refused.record["metrics"]["overall"]["auc"]
    printed = " ".join(refused.printed.split())
    for part in ("auc", "overall", "0.99", f"{value:.3f}"):
        assert part in printed
    [blocking] = _blocking(refused, "evaluator")
    assert (blocking["statistic"], blocking["subject"], blocking["threshold"]) == ("auc", "overall", 0.99)
    assert "0.99" in refused.report


def test_refuses_a_serving_log_that_breaks_the_schema_before_training(tmp_path: Path) -> None:
    log = tmp_path / "serving_log.csv"
    with TAXI_CSV.open() as source, log.open("w", newline="") as target:
        rows = list(csv.DictReader(source))[:2000]
        for row in rows:
            row["trip_start_hour"] = int(row["trip_start_hour"]) + 24
            del row["tips"], row["payment_type"]
        writer = csv.DictWriter(target, rows[0])
        writer.writeheader()
        writer.writerows(rows)

    refused = run_locally(tmp_path / "out", *QUICK, "--set", f"data.serving_log={log}")

    assert refused.exit_code == 2, refused.printed + refused.complaints
    states = refused.states()
    assert states["ExampleValidator"] == "ran"
    assert {states.get(name, "skipped") for name in ("Transform", "Trainer", "Evaluator", "Pusher")} == {"skipped"}
    blocking = _blocking(refused, "example_validator")
    assert {finding["subject"].split("/")[-1].split(":")[-1].strip() for finding in blocking} == {"trip_start_hour"}
    assert refused.versions() == []


def _blocking(run: Run, gate: str) -> list[dict[str, Any]]:
    [report] = [report for report in run.record["gates"] if report["gate"] == gate]
    return [finding for finding in report["findings"] if finding["severity"] == "block"]


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
