"""The DataGate component: its inputs, its settings and its outputs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tfx.types import Artifact, standard_artifacts

from gates.tables.sample import MOST_CELLS
from gates.tables.table import joint_codes
from gates.verdict.finding import Severity
from pipeline.artifacts.blessings import Blessing, GateReportArtifact, is_blessed, read_report, verdict_properties
from pipeline.component_inputs import GateInputs
from pipeline.components.data_gate import DataGateExecutor
from pipeline.config.load import load_workload
from pipeline.config.workload import WorkloadConfig
from pipeline.evidence.data import MOST_ROWS, read_table, share_read
from pipeline.splits import LEARNING, Lineage
from tests.samples import taxi_artifacts as samples


def config(*overrides: str) -> WorkloadConfig:
    return load_workload("taxi", overrides)


def judged(tmp_path: Path, frames: dict[str, pd.DataFrame], given: WorkloadConfig, lineage: Lineage = LEARNING):
    """Runs the executor on real rides; returns its report and its blessing."""
    examples = samples.write_examples(frames, tmp_path / "examples")
    schema = samples.artifact(standard_artifacts.Schema, tmp_path / "schema")
    Path(schema.uri).mkdir(parents=True)
    statistics = {name: samples.statistics_of(frame) for name, frame in frames.items()}
    (Path(schema.uri) / "schema.pbtxt").write_text(str(samples.proposed(statistics)))
    report, blessing = (
        samples.artifact(kind, tmp_path / name)
        for name, kind in (("report", GateReportArtifact), ("blessing", Blessing))
    )
    DataGateExecutor().Do(
        {"examples": [examples], "schema": [schema]},
        {"report": [report], "blessing": [blessing]},
        {"config": GateInputs.of(given, lineage).to_property(), "code": ""},
    )
    return read_report(report.uri), blessing


def blocking(report) -> set[str]:
    return {finding.check for finding in report.of(Severity.BLOCK)}


@pytest.mark.parametrize("seed", range(2))
def test_clean_rides_are_blessed(tmp_path: Path, seed: int) -> None:
    report, blessing = judged(tmp_path, samples.assign(samples.rides(), seed), config())
    assert blocking(report) == set()
    assert is_blessed(blessing)


def test_copied_rows_are_refused_and_the_blessing_is_negative(tmp_path: Path) -> None:
    frames = samples.assign(samples.rides())
    frames["test"] = pd.concat([frames["test"], frames["train"].head(150)])
    report, blessing = judged(tmp_path, frames, config())
    assert blocking(report) == {"exact_duplicates"}
    assert not is_blessed(blessing)
    assert verdict_properties(blessing) == {"verdict": "fail", "waived": []}


def test_a_column_known_too_late_is_no_feature_and_does_not_refuse(tmp_path: Path) -> None:
    """`tips` and `payment_type` are in the data; the configuration withholds them."""
    report, _ = judged(tmp_path, samples.assign(samples.rides()), config())
    withheld = [finding for finding in report.findings if finding.subject in samples.WITHHELD]
    assert {finding.check for finding in withheld} == {"known_too_late"}
    assert all(finding.severity is Severity.INFO for finding in withheld)


def test_learning_from_eval_is_refused(tmp_path: Path) -> None:
    lineage = Lineage(analysed=("train", "eval"), fitted_on=("train",), watched=("eval",))
    report, _ = judged(tmp_path, samples.assign(samples.rides()), config(), lineage)
    assert "analysers_read_train_only" in blocking(report)


def test_a_tuner_that_reads_test_is_refused(tmp_path: Path) -> None:
    lineage = Lineage(analysed=("train",), fitted_on=("train",), watched=("test",))
    report, _ = judged(tmp_path, samples.assign(samples.rides()), config(), lineage)
    assert blocking(report) == {"who_read_test"}


def test_a_verdict_that_rests_on_a_waiver_is_not_reused_the_next_day() -> None:
    waiver = ("reason=agreed", "expires=2099-01-31")
    waived = config(*(f"gates.checks.exact_duplicates.waive.{part}" for part in waiver))
    assert GateInputs.of(waived, LEARNING).today == date.today().isoformat()
    assert GateInputs.of(config(), LEARNING).today == ""


def test_a_change_that_weakens_a_check_stands_on_the_blessing_with_reason_and_last_day(tmp_path: Path) -> None:
    settings = ("enabled=false", "waive.reason=agreed", "waive.expires=2099-01-31")
    given = config("gates.strict=true", *(f"gates.checks.exact_duplicates.{each}" for each in settings))
    _, blessing = judged(tmp_path, samples.assign(samples.rides()), given)
    waived = {"check": "exact_duplicates", "subject": "enabled", "reason": "agreed", "expires": "2099-01-31"}
    assert verdict_properties(blessing)["waived"] == [waived]


def test_where_the_platform_is_strict_the_configuration_cannot_switch_it_off() -> None:
    assert GateInputs.of(config("gates.strict=false"), LEARNING, strict=True).settings.strict is True


def test_a_sample_by_content_keeps_copies_together(tmp_path: Path) -> None:
    frames = samples.assign(samples.rides())
    frames["test"] = pd.concat([frames["test"], frames["train"].head(400)])
    examples: Artifact = samples.write_examples(frames, tmp_path / "examples")
    whole = [read_table(examples, split, split) for split in ("train", "test")]
    part = [read_table(examples, split, split, share=0.5) for split in ("train", "test")]
    assert 0.45 < part[0].rows / whole[0].rows < 0.55
    shared = []
    for tables in (whole, part):
        train, test = joint_codes(tables, tables[0].columns)
        shared.append(float(np.isin(test, train).mean()))
    assert shared[1] == pytest.approx(shared[0], abs=0.04)
    assert shared[0] > 0.15


def test_a_sample_by_content_holds_a_row_that_is_very_frequent_as_often(tmp_path: Path) -> None:
    rides = samples.rides()
    frames = samples.assign(pd.concat([rides, *[rides.head(1)] * len(rides)], ignore_index=True))
    examples: Artifact = samples.write_examples(frames, tmp_path / "examples")
    whole, part = read_table(examples, "train", "train"), read_table(examples, "train", "train", share=0.25)
    assert 0.2 < part.rows / whole.rows < 0.3
    high, _ = part.words(part.columns)
    assert 0.4 < np.unique(high, return_counts=True)[1].max() / part.rows < 0.6


def test_all_rows_are_read_up_to_the_limit() -> None:
    assert share_read(MOST_ROWS) == 1.0
    assert share_read(4 * MOST_ROWS) == 0.25


def test_reads_a_share_of_the_rows_of_a_wide_table_by_its_cells() -> None:
    assert share_read(1_000_000, cells=MOST_CELLS) == 1.0
    assert share_read(1_000_000, cells=8 * MOST_CELLS) == 0.125
