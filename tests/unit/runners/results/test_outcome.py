"""The outcome of a run, from the results of its components."""

from __future__ import annotations

import errno
import json
import os
import runpy
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from core.errors import SluiceError
from gates.verdict.finding import Finding, GateReport, Severity, Verdict
from pipeline.artifacts.rollout import RolloutArtifact, write_rollout
from report.run_record import RunRecord
from runners.results.node_result import NodeResult
from runners.results.notification import event_of
from runners.results.outcome import outcome_of, outcome_of_defect
from runners.results.record import Gathered, gather, metrics_of, write_record
from serving.contract import ModelVersion
from serving.rollout.record import Entry, Phase, Rollout
from serving.rollout.record import Outcome as How

BAD = Finding("threshold", "overall", "auc", 0.5, 0.6, 100, Severity.BLOCK, "auc is 0.5, below 0.6.", "Train longer.")


def _gate(verdict: Verdict, *findings: Finding) -> tuple[GateReport, ...]:
    return (GateReport("evaluator", verdict, findings),)


def _pushed(pushed: int) -> NodeResult:
    artifact = standard_artifacts.PushedModel()
    artifact.set_int_custom_property("pushed", pushed)
    artifact.set_string_custom_property("pushed_version", "17")
    artifact.set_string_custom_property("pushed_destination", "serving/17")
    return NodeResult("Pusher", "ran", 1.0, {"pushed_model": [artifact]})


def test_pushed_when_every_gate_passed_and_the_pusher_pushed() -> None:
    outcome = outcome_of({"Pusher": _pushed(1)}, _gate(Verdict.PASS), None, push_wanted=True, log="run.log")
    assert (outcome.outcome, outcome.exit_code, outcome.pushed_version) == ("pushed", 0, "17")


def _rolled_out(folder: Path, phase: Phase, *entries: Entry) -> NodeResult:
    artifact = RolloutArtifact()
    artifact.uri = str(folder)
    rollout = Rollout("00001-17", ModelVersion("17", "taxi", "17"), "16", phase, entries=entries)
    write_rollout(artifact, rollout, "" if rollout.is_final else "Go on:  resume")
    return NodeResult("Rollout", "ran", 1.0, {"rollout": [artifact]})


def test_pushed_when_the_rollout_is_done(tmp_path: Path) -> None:
    results = {"Pusher": _pushed(1), "Rollout": _rolled_out(tmp_path, Phase.DONE)}
    outcome = outcome_of(results, _gate(Verdict.PASS), None, push_wanted=True, log="run.log")
    assert (outcome.outcome, outcome.exit_code, outcome.pushed_version) == ("pushed", 0, "17")
    assert "all traffic" in outcome.reason
    assert event_of(outcome, gather(results)) == ""


@pytest.mark.parametrize(("phase", "event"), [(Phase.CANARY, "undecided"), (Phase.APPROVAL, "waiting_for_approval")])
def test_undecided_when_the_rollout_is_neither_done_nor_taken_back(tmp_path: Path, phase: Phase, event: str) -> None:
    entry = Entry("2026-11-29 12:00:00", phase, How.UNDECIDED, "Too little traffic.", 10)
    results = {"Pusher": _pushed(1), "Rollout": _rolled_out(tmp_path, phase, entry)}
    outcome = outcome_of(results, _gate(Verdict.INCONCLUSIVE), None, push_wanted=True, log="run.log")
    assert (outcome.outcome, outcome.exit_code, outcome.pushed_version) == ("undecided", 4, "17")
    assert (outcome.reason, outcome.next_command) == ("Too little traffic.", "Go on:  resume")
    assert event_of(outcome, gather(results)) == event


def test_a_version_that_was_taken_back_is_a_refusal_and_still_in_its_folder(tmp_path: Path) -> None:
    entry = Entry("2026-11-29 12:00:00", Phase.CANARY, How.FAILED, "It is slow.", 10)
    results = {"Pusher": _pushed(1), "Rollout": _rolled_out(tmp_path, Phase.ROLLED_BACK, entry)}
    outcome = outcome_of(results, _gate(Verdict.FAIL, BAD), None, push_wanted=True, log="run.log")
    assert (outcome.outcome, outcome.exit_code, outcome.pushed_version) == ("refused", 2, "17")
    assert event_of(outcome, gather(results)) == "rolled_back"


def test_who_is_to_be_notified_of_a_refusal_and_of_a_failure_and_of_nothing_else() -> None:
    refused = outcome_of({"Pusher": _pushed(0)}, _gate(Verdict.FAIL, BAD), None, push_wanted=True, log="run.log")
    assert (refused.pushed_version, event_of(refused, Gathered())) == (None, "refused")
    failed = outcome_of({"Pusher": _pushed(0)}, (), None, push_wanted=True, log="run.log")
    assert event_of(failed, Gathered()) == "failed"
    pushed = outcome_of({"Pusher": _pushed(1)}, _gate(Verdict.PASS), None, push_wanted=True, log="run.log")
    stopped = outcome_of({}, (), "Transform", push_wanted=True, log="run.log")
    assert [event_of(each, Gathered()) for each in (pushed, stopped)] == ["", ""]


def test_a_refusal_carries_the_findings_reason_and_remedy() -> None:
    outcome = outcome_of({"Pusher": _pushed(0)}, _gate(Verdict.FAIL, BAD), None, push_wanted=True, log="run.log")
    assert (outcome.outcome, outcome.exit_code) == ("refused", 2)
    assert (outcome.reason, outcome.next_command) == (BAD.reason, BAD.remedy)


def test_a_gate_that_refuses_without_a_finding_is_a_refusal() -> None:
    assert outcome_of({"Pusher": _pushed(0)}, _gate(Verdict.FAIL), None, push_wanted=True, log="run.log").exit_code == 2


def test_no_push_although_all_passed_is_an_error_not_a_success() -> None:
    for results in ({"Pusher": _pushed(0)}, {}):
        assert outcome_of(results, (), None, push_wanted=True, log="run.log").exit_code == 1


def test_nothing_to_push_by_design_is_a_success() -> None:
    assert outcome_of({}, _gate(Verdict.PASS), None, push_wanted=False, log="run.log").exit_code == 0
    assert outcome_of({}, (), None, push_wanted=False, log="run.log").exit_code == 1, "no gate spoke: no success"
    assert outcome_of({}, (), "Transform", push_wanted=True, log="run.log").exit_code == 0


def test_a_users_error_keeps_its_sentence_and_a_defect_names_the_log() -> None:
    result = NodeResult("ExampleGen", "failed", 1.0, error=SluiceError("eval is empty.", "See it:  less data.csv"))
    outcome = outcome_of({"ExampleGen": result}, (), None, push_wanted=True, log="run.log")
    assert (outcome.exit_code, outcome.reason) == (3, "eval is empty.")
    defect = NodeResult("Trainer", "failed", 1.0, error=ValueError("shapes differ\nand more"))
    outcome = outcome_of({"Trainer": defect}, (), None, push_wanted=True, log="run.log")
    assert outcome.exit_code == 1
    assert "shapes differ" in outcome.reason
    assert "run.log" in outcome.next_command


def test_a_rollout_that_fails_leaves_what_was_pushed_in_the_record() -> None:
    down = SluiceError("no endpoint of taxi runs.", "Start it:  python -m serving --workload taxi")
    results = {"Pusher": _pushed(1), "Rollout": NodeResult("Rollout", "failed", 1.0, error=down)}
    outcome = outcome_of(results, _gate(Verdict.PASS), None, push_wanted=True, log="run.log")
    assert (outcome.outcome, outcome.exit_code, outcome.reason) == ("failed", 3, "no endpoint of taxi runs.")
    assert (outcome.pushed_version, outcome.pushed_to) == ("17", "serving/17")


def test_a_pusher_that_fails_has_pushed_nothing() -> None:
    results = {"Pusher": NodeResult("Pusher", "failed", 1.0, error=SluiceError("the disk is full.", "df -h"))}
    outcome = outcome_of(results, _gate(Verdict.PASS), None, push_wanted=True, log="run.log")
    assert (outcome.outcome, outcome.pushed_version, outcome.pushed_to) == ("failed", None, None)


GRAPH_ERROR = """An error occurred while trying to apply the transformation: "Graph execution error:

Detected at node 'transform/Reshape' defined at (most recent call last):
Node: 'transform/Reshape'
Input to reshape is a tensor with 64 values, but the requested shape requires a multiple of 784
\t [[{{node transform/Reshape}}]]

Original stack trace for 'transform/Reshape':
"."""


def test_preprocessing_that_does_not_fit_the_data_names_what_it_could_not_compute() -> None:
    failed = NodeResult("Transform", "failed", 1.0, error=ValueError(GRAPH_ERROR))
    outcome = outcome_of({"Transform": failed}, (), None, push_wanted=True, log="run.log")
    assert outcome.exit_code == 3
    assert "`Reshape`" in outcome.reason
    assert outcome.reason.endswith("64 values, but the requested shape requires a multiple of 784.")
    assert "preprocessing.module" in outcome.next_command


@pytest.mark.parametrize("function", ["preprocessing_fn", "build_model"])
def test_an_error_in_a_workloads_own_function_names_its_line_and_is_the_users(function: str, tmp_path: Path) -> None:
    (tmp_path / "rides.py").write_text(f"def {function}(inputs):\n    return inputs + 1\n")
    own = runpy.run_path(str(tmp_path / "rides.py"))
    with pytest.raises(TypeError) as raised:
        own[function]("a text")
    failed = {"Transform": NodeResult("Transform", "failed", 1.0, {}, error=raised.value)}
    outcome = outcome_of(failed, (), None, push_wanted=True, log="less run.log")
    assert outcome.exit_code == 3
    assert outcome.reason.startswith(f"{function} (rides.py, line 2) failed: TypeError: ")
    assert "less run.log" in outcome.next_command


def test_the_record_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    record = RunRecord(
        run_id="r",
        workload="taxi",
        outcome="failed",
        exit_code=3,
        reason="eval is empty.",
        pushed_version=None,
        pushed_to=None,
        components=[],
        gates=[],
        metrics=metrics_of(None),
        rows={},
        seconds=1.0,
        peak_memory_bytes=1,
        seed=0,
        data_fingerprint=None,
        git_commit=None,
        lock_hash=None,
    )
    write_record(tmp_path / "run.json", record)
    assert json.loads((tmp_path / "run.json").read_text()) == record.model_dump()
    spoilt = record.model_copy(update={"metrics": {"overall": {"auc": float("nan")}}})
    with pytest.raises(ValueError, match="JSON"):
        write_record(tmp_path / "run.json", spoilt)
    assert json.loads((tmp_path / "run.json").read_text())["exit_code"] == 3


def test_a_full_disk_is_the_environments_fault_not_a_defect() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/model")
    for error in (full, RuntimeError("ResourceExhausted: No space left on device; writing")):
        failed = NodeResult("Trainer", "failed", 1.0, error=error)
        outcome = outcome_of({"Trainer": failed}, (), None, push_wanted=True, log="run.log")
        assert outcome.exit_code == 3
        assert "the disk is full" in outcome.reason
        assert outcome.next_command == "Make room:  df -h"


def test_a_defect_outside_of_components_is_one_line_too() -> None:
    outcome = outcome_of_defect(KeyError("x"), "run.log")
    assert (outcome.outcome, outcome.exit_code) == ("failed", 1)
    assert "KeyError" in outcome.reason
    assert "run.log" in outcome.next_command
