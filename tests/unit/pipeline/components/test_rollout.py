"""The Rollout acts on what was pushed, and its report says what the record says."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from tfx.types import Artifact, standard_artifacts

from core.errors import ExitCode
from core.webhook import Webhook
from gates.verdict.finding import Severity, Verdict
from pipeline.artifacts.absence import present
from pipeline.artifacts.blessings import GateReportArtifact, RegisteredModel, read_report
from pipeline.artifacts.rollout import RolloutArtifact, read_rollout, write_rollout
from pipeline.components.pusher import Pusher
from pipeline.components.rollout import Rollout, RolloutExecutor, RolloutInputs, report_of, shown_steps
from pipeline.config.load import load_workload
from pipeline.config.workload import WorkloadConfig
from pipeline.pipeline import create_pipeline
from pipeline.platform import RolloutPlaces
from serving.contract import EndpointDownError, ModelVersion
from serving.local.state import StateFile, StoredModel
from serving.rollout.carry_out import CarriedOut
from serving.rollout.folder_store import FolderStore
from serving.rollout.order import Registered, RolloutOrder
from serving.rollout.record import Entry, Outcome, Phase
from serving.rollout.record import Rollout as RolloutRecord
from serving.rollout.registration import Unrecorded
from serving.version_folder import fingerprint_of
from serving.watch.decision import Comparison, Standing
from tests.samples import taxi_artifacts as samples
from tests.samples.platforms import pretended_platform
from tests.samples.rollout_site import CANARY_ALONE, Site

COMPARED = Comparison("share of failed requests", 0.0, -0.1, 0.1, 0.95, 0.05, False, 70, 700, Standing.OPEN)


def _inputs(home: Path, *overrides: str) -> RolloutInputs:
    config = load_workload("taxi", ["serving.rollout.window_seconds=1.5", *overrides])
    assert config.serving.rollout is not None
    places = RolloutPlaces(str(home / "serving/taxi"), str(home))
    return RolloutInputs.of(config, config.serving.rollout, places)


def _ended(phase: Phase, *entries: Entry) -> RolloutRecord:
    return RolloutRecord("00001-2", ModelVersion("2", "taxi", "2"), "1", phase, entries=entries)


def _do(home: Path, pushed: int, fingerprint: str = "") -> dict[str, Artifact]:
    model = samples.artifact(standard_artifacts.PushedModel, home / "serving/taxi/2")
    model.set_int_custom_property("pushed", pushed)
    model.set_string_custom_property("pushed_version", "2")
    model.set_string_custom_property("fingerprint", fingerprint or fingerprint_of(model.uri))
    registered = samples.artifact(RegisteredModel, home / "registry/taxi/1.0.1")
    for name, value in (("model", "taxi"), ("version", "1.0.1"), ("registry", str(home / "registry"))):
        registered.set_string_custom_property(name, value)
    kinds = {"rollout": RolloutArtifact, "report": GateReportArtifact}
    outputs = {name: samples.artifact(kind, home / "made" / name) for name, kind in kinds.items()}
    inputs = {"pushed_model": [model], "registered": [registered]}
    config = {"config": _inputs(home, "notify.webhook=HOOK").to_property()}
    RolloutExecutor().Do(inputs, {name: [each] for name, each in outputs.items()}, config)
    return outputs


def test_its_inputs_come_back_from_the_execution_property(tmp_path: Path) -> None:
    given = _inputs(tmp_path, "serving.rollout.canary_percents=[5, 50]", "notify.webhook=HOOK")
    again = RolloutInputs.from_property(given.to_property())
    assert again == given
    order = again.order("model", None)
    assert (order.plan.canary_shares, order.plan.window_seconds) == ((5, 50), 1.5)
    assert order.webhook == Webhook(
        "HOOK", ("refused", "failed", "rolled_back", "undecided", "waiting_for_approval"), None
    )


def test_where_nothing_was_pushed_nothing_is_rolled_out(tmp_path: Path) -> None:
    made = _do(tmp_path, pushed=0)
    assert present([made["rollout"]]) == []
    assert read_rollout(made["rollout"]) is None
    report = read_report(made["report"].uri)
    assert (report.blessed, report.checks_skipped[0].why) == (True, "nothing was pushed")
    assert FolderStore(tmp_path, "taxi").current() is None


def test_a_pushed_version_that_was_altered_since_is_not_rolled_out(tmp_path: Path) -> None:
    version = tmp_path / "serving/taxi/2"
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"as it was pushed")
    pushed = fingerprint_of(str(version))
    (version / "saved_model.pb").write_bytes(b"another")
    made = _do(tmp_path, pushed=1, fingerprint=pushed)
    [finding] = read_report(made["report"].uri).of(Severity.BLOCK)
    assert (finding.check, finding.subject) == ("judged_unaltered", "2")
    assert read_rollout(made["rollout"]) is None
    assert FolderStore(tmp_path, "taxi").current() is None


def test_where_no_endpoint_was_ever_started_the_command_for_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(EndpointDownError) as refused:
        _do(tmp_path, pushed=1)
    assert refused.value.exit_code is ExitCode.UNUSABLE
    assert "python -m serving --workload taxi" in refused.value.next_command
    assert FolderStore(tmp_path, "taxi").current() is None


def test_what_a_person_needs_to_finish_it_is_recorded_before_anything_is_done(tmp_path: Path) -> None:
    """The endpoint was stopped meanwhile: its state is there and nothing serves it."""
    serving = tmp_path / "serving/taxi"
    (serving / "2").mkdir(parents=True)
    first = StoredModel(deployed_id="1", model="taxi", version="1")
    StateFile(serving, "taxi").change(
        lambda state: state.model_copy(update={"deployed": [first], "traffic": {"1": 100}, "follows_newest": False})
    )
    with pytest.raises(EndpointDownError):
        _do(tmp_path, pushed=1)
    found = FolderStore(tmp_path, "taxi").current()
    assert found is not None
    assert (found.phase, found.candidate.version, found.previous) == (Phase.STAGING, "2", "1")
    assert found.order is not None
    assert (found.order.endpoint, found.order.saved_model) == (str(serving), str(serving / "2"))
    assert found.order.registered == Registered(str(tmp_path / "registry"), "taxi", "1.0.1")
    assert found.order.webhook is not None


def test_a_rollout_that_is_done_is_reported_without_a_warning(tmp_path: Path) -> None:
    entries = (
        Entry("2026-11-29 12:00:00", Phase.SHADOW, Outcome.UNDECIDED, "No traffic.", 0),
        Entry("2026-11-29 12:00:00", Phase.SHADOW, Outcome.PASSED, "No harm.", 0, (COMPARED,)),
    )
    report = report_of(CarriedOut(_ended(Phase.DONE, *entries)), FolderStore(tmp_path, "taxi"), 1.0)
    assert (report.gate, report.verdict, report.blessed) == ("rollout", Verdict.PASS, True)
    assert {each.severity for each in report.findings} == {Severity.INFO}
    assert [each.n for each in report.findings] == [0, 70]


def test_a_step_that_fails_refuses_with_its_reason(tmp_path: Path) -> None:
    entries = (
        Entry("2026-11-29 12:00:00", Phase.CANARY, Outcome.FAILED, "It is slow.", 10),
        Entry("2026-11-29 12:00:00", Phase.ROLLING_BACK, Outcome.PASSED, "Removed.", 0),
    )
    report = report_of(CarriedOut(_ended(Phase.ROLLED_BACK, *entries)), FolderStore(tmp_path, "taxi"), 1.0)
    assert report.verdict is Verdict.FAIL
    [blocking] = report.of(Severity.BLOCK)
    assert (blocking.check, blocking.subject, blocking.reason) == ("canary", "2", "It is slow.")


@pytest.mark.parametrize(("phase", "command"), [(Phase.CANARY, "resume"), (Phase.APPROVAL, "approve")])
def test_what_is_not_decided_leaves_the_verdict_open_and_names_the_next_command(
    tmp_path: Path, phase: Phase, command: str
) -> None:
    entry = Entry("2026-11-29 12:00:00", phase, Outcome.UNDECIDED, "Not yet.", 10)
    store = FolderStore(tmp_path, "taxi")
    report = report_of(CarriedOut(_ended(phase, entry)), store, 1.0)
    assert (report.verdict, report.blessed) == (Verdict.INCONCLUSIVE, True)
    [warning] = report.of(Severity.WARN)
    assert warning.undecided
    assert f"python -m serving.rollout {command} --output-dir {tmp_path}" in warning.remedy


def test_a_registry_that_could_not_be_changed_warns(tmp_path: Path) -> None:
    carried = CarriedOut(_ended(Phase.DONE), Unrecorded("The registry is gone.", "By hand:  ls"))
    report = report_of(carried, FolderStore(tmp_path, "taxi"), 1.0)
    [warning] = report.of(Severity.WARN)
    assert (warning.check, warning.reason, warning.remedy) == (
        "noted_in_registry",
        "The registry is gone.",
        "By hand:  ls",
    )
    assert (warning.statistic, warning.value, warning.threshold) == ("recorded in the registry", 0.0, 1.0)


def test_the_record_comes_back_from_the_artifact(tmp_path: Path) -> None:
    artifact = samples.artifact(RolloutArtifact, tmp_path / "rollout")
    rollout = _ended(
        Phase.CANARY, Entry("2026-11-29 12:00:00", Phase.CANARY, Outcome.UNDECIDED, "Not yet.", 10, (COMPARED,))
    )
    write_rollout(artifact, rollout, "Go on:  ls")
    found = read_rollout(artifact)
    assert found is not None
    assert (found.rollout, found.next_command, found.is_done) == (rollout, "Go on:  ls", False)


def _nodes(config: WorkloadConfig, places: RolloutPlaces | None) -> dict[str, object]:
    platform = replace(pretended_platform(), rollout=places, registry_directory="registry")
    return {node.id: node for node in create_pipeline(config, platform).components}


PLACES = RolloutPlaces("serving", "out")
WANTED = "serving.rollout.approve=manual"


@pytest.mark.parametrize(
    ("overrides", "places"),
    [((), PLACES), ((WANTED,), None), ((WANTED, "serving.push=false"), PLACES)],
    ids=["not configured", "no endpoint", "no push"],
)
def test_without_a_rollout_the_graph_and_the_pushers_cache_key_are_what_they_were(
    overrides: tuple[str, ...], places: RolloutPlaces | None
) -> None:
    nodes = _nodes(load_workload("taxi", overrides), places)
    assert "Rollout" not in nodes
    pusher = nodes.get("Pusher")
    if pusher is not None:
        assert isinstance(pusher, Pusher)
        # TFX leaves a parameter out that is None.
        assert {name for name, value in pusher.exec_properties.items() if value is not None} == {"config"}


def test_with_a_rollout_it_follows_the_pusher() -> None:
    nodes = _nodes(load_workload("taxi", [WANTED]), PLACES)
    rollout, pusher = nodes["Rollout"], nodes["Pusher"]
    assert isinstance(rollout, Rollout) and isinstance(pusher, Pusher)
    assert rollout.inputs["pushed_model"] is pusher.outputs["pushed_model"]
    assert "registered" in rollout.inputs
    assert pusher.exec_properties["followed"]


def test_the_log_names_each_step_that_begins_with_its_share_and_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path)
    site.requests = 0
    site.roll_out(plan=CANARY_ALONE)
    site.requests = 1_000
    site.roll_out(plan=CANARY_ALONE)
    show = shown_steps(RolloutOrder("endpoint", "model", CANARY_ALONE))
    with caplog.at_level(logging.INFO, "sluice.progress"):
        for rollout in site.noted:
            show(rollout)
    steps = [each.getMessage() for each in caplog.records if getattr(each, "is_step", False)]
    assert [step.partition(": ")[2].partition(":")[0] for step in steps] == [
        "staging, 0 %",
        "smoke, 0 %",
        "canary, 10 %",
        "canary, 10 %",  # the deadline passed
        "canary, 10 %",  # taken up again
        "production, 100 %",
        "warm, 100 %",
        "undeploy, 100 %",
        "done, 100 %",
    ]
    assert steps[0] == "version 2: staging, 0 %"
    assert steps[1] == "version 2: smoke, 0 %: Deployed, without traffic."
    assert "The deadline has passed" in steps[3]
