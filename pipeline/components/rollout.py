"""Brings the pushed version to the traffic of an endpoint in steps, and takes it back when one of them fails.

A node of its own behind the Pusher: it may take hours, and a run that was killed meanwhile goes on with the step that
was recorded last. So it is never answered from the cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from core.errors import ExitCode
from core.strict import Strict
from gates.verdict.finding import Finding, GateReport, Severity, SkippedCheck, Verdict
from pipeline.artifacts.absence import mark_absent
from pipeline.artifacts.blessings import (
    UNALTERED,
    GateReportArtifact,
    RegisteredModel,
    finding_about,
    write_report,
)
from pipeline.artifacts.registered import not_noted, registered_of
from pipeline.artifacts.rollout import RolloutArtifact, write_rollout
from pipeline.components.gate import optional_instance, tell_progress, tell_step
from pipeline.config.notify import NotifyConfig
from pipeline.config.serving import RolloutConfig
from pipeline.config.workload import WorkloadConfig
from pipeline.platform import Platform, RolloutPlaces
from serving.contract import ModelVersion, deployed_id_of
from serving.rollout.carry_out import CarriedOut, carry_out
from serving.rollout.order import Registered, RolloutOrder
from serving.rollout.record import Entry, Outcome
from serving.rollout.record import Rollout as RolloutRecord
from serving.rollout.store import RolloutStore
from serving.rollout.stores import store_at
from serving.rollout.transitions import candidate_share, steps
from serving.version_folder import fingerprint_of

GATE = "rollout"
_SHARE = "share of the requests, in percent"
_VERDICTS: Mapping[ExitCode, Verdict] = {
    ExitCode.PUSHED: Verdict.PASS,
    ExitCode.REFUSED: Verdict.FAIL,
    ExitCode.UNDECIDED: Verdict.INCONCLUSIVE,
}


class RolloutInputs(Strict):
    """The inputs of the Rollout."""

    workload: str
    endpoint: str
    """The place of the endpoint."""
    records: str
    """The output folder that holds the records of rollouts."""
    rollout: RolloutConfig
    notify: NotifyConfig | None
    """For a rollout that a person finishes; the run itself notifies when it ends."""
    uploads: bool = False
    """The same: whether the version is uploaded to the model registry of the endpoint's cloud then."""

    @classmethod
    def of(cls, config: WorkloadConfig, rollout: RolloutConfig, places: RolloutPlaces) -> RolloutInputs:
        """From the workload and the platform."""
        return cls(
            workload=config.name,
            endpoint=places.endpoint,
            records=places.records,
            rollout=rollout,
            notify=config.notify,
            uploads=places.uploads,
        )

    def order(self, saved_model: str, registered: Registered | None) -> RolloutOrder:
        """What is recorded with the rollout."""
        webhook = self.notify.as_webhook() if self.notify else None
        return RolloutOrder(self.endpoint, saved_model, self.rollout.plan(), registered, webhook, self.uploads)


class RolloutExecutor(base_executor.BaseExecutor):
    """Rolls out or goes on with it. A version that is taken back, or not decided about, is a success that says so."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the report and the record; does nothing when nothing was pushed, or what was pushed is altered."""
        started = time.monotonic()
        given = RolloutInputs.from_property(exec_properties["config"])
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        report = artifact_utils.get_single_instance(output_dict["report"])
        record = artifact_utils.get_single_instance(output_dict["rollout"])
        if not pushed.get_int_custom_property("pushed"):
            mark_absent(record)
            skipped = (SkippedCheck(GATE, "nothing was pushed"),)
            write_report(report, GateReport(GATE, Verdict.PASS, checks_skipped=skipped))
            return
        version = pushed.get_string_custom_property("pushed_version")
        if altered := _altered(pushed, version):
            mark_absent(record)
            write_report(report, GateReport(GATE, Verdict.FAIL, (altered,), (UNALTERED,)))
            return
        candidate = ModelVersion(deployed_id_of(version), given.workload, version)
        registered = optional_instance(input_dict, "registered")
        order = given.order(pushed.uri, registered_of(registered) if registered is not None else None)
        store = store_at(given.records, given.workload)
        carried = carry_out(candidate, order, store, shown_steps(order))
        write_rollout(record, carried.rollout, _next_command(carried.rollout, store))
        write_report(report, report_of(carried, store, time.monotonic() - started))


def _altered(pushed: types.Artifact, version: str) -> Finding | None:
    """The refusal of a version whose files are not those that the Pusher brought; None when they are."""
    if fingerprint_of(pushed.uri) == pushed.get_string_custom_property("fingerprint"):
        return None
    reason = f"Version {version} in {pushed.uri} is not what was pushed: a file was changed, added or lost since."
    return finding_about(UNALTERED, version, Severity.BLOCK, reason, "Run again: the model is pushed anew.")


def report_of(carried: CarriedOut, store: RolloutStore, seconds: float) -> GateReport:
    """The steps of a rollout as findings: what failed refuses, what is not decided leaves the verdict open."""
    rollout = carried.rollout
    findings = [_finding(entry, rollout, store) for entry in rollout.entries]
    if carried.unrecorded:
        findings.append(not_noted(rollout.candidate.version, carried.unrecorded))
    checks = tuple(dict.fromkeys(each.check for each in findings))
    return GateReport(GATE, _VERDICTS[rollout.exit_code], tuple(findings), checks, seconds=seconds)


def _finding(entry: Entry, rollout: RolloutRecord, store: RolloutStore) -> Finding:
    severity, remedy, is_open = Severity.INFO, "Nothing to do.", False
    if rollout.exit_code is ExitCode.REFUSED and entry.outcome is Outcome.FAILED:
        severity = Severity.BLOCK
        remedy = f"Mend the model and run again; the version before has its traffic. See:  {store.command('status')}"
    elif rollout.exit_code is ExitCode.UNDECIDED and entry is rollout.entries[-1]:
        severity, remedy, is_open = Severity.WARN, _next_command(rollout, store), True
    compared = max((each.canary for each in entry.comparisons), default=0)
    return Finding(
        check=entry.phase.value.replace(" ", "_"),
        subject=rollout.candidate.version,
        statistic=_SHARE,
        value=float(entry.share),
        threshold=float(entry.share),
        n=compared,
        severity=severity,
        reason=entry.reason,
        remedy=remedy,
        undecided=is_open,
    )


def _next_command(rollout: RolloutRecord, store: RolloutStore) -> str:
    """Empty when the rollout is over."""
    if rollout.is_final:
        return ""
    verb = "Decide" if rollout.event == "waiting_for_approval" else "Go on"
    return f"{verb}:  {store.next_command(rollout)}"


def shown_steps(order: RolloutOrder) -> Callable[[RolloutRecord], None]:
    """A function that reports the step that a rollout is in, its share and why it came there."""

    def show(rollout: RolloutRecord) -> None:
        share = candidate_share(rollout, rollout.order.plan if rollout.order else order.plan)
        step = f"version {rollout.candidate.version}: {rollout.phase.value}, {share} %"
        tell_step(f"{step}: {rollout.reason}" if rollout.reason else step)
        ahead = steps(rollout, order.plan)
        if rollout.phase in ahead:
            tell_progress(rollout.phase.value, ahead.index(rollout.phase), len(ahead))

    return show


class RolloutSpec(ComponentSpec):
    """Pushed model, and its version in the registry, in; the record of the rollout and its report out."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {"config": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
        "registered": ChannelParameter(type=RegisteredModel, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "rollout": ChannelParameter(type=RolloutArtifact),
        "report": ChannelParameter(type=GateReportArtifact),
    }


class Rollout(base_component.BaseComponent):
    """Rolls out what the Pusher pushed, or holds already."""

    SPEC_CLASS = RolloutSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RolloutExecutor)

    def __init__(
        self, pushed_model: types.BaseChannel, registered: types.BaseChannel | None, config: RolloutInputs
    ) -> None:
        """`registered`: the version in the registry whose stage follows the rollout."""
        made = {name: types.Channel(type=parameter.type) for name, parameter in RolloutSpec.OUTPUTS.items()}
        super().__init__(
            RolloutSpec(pushed_model=pushed_model, registered=registered, config=config.to_property(), **made)
        )


def rollout_of(
    config: WorkloadConfig, platform: Platform, pusher: BaseNode, registrar: BaseNode | None
) -> Rollout | None:
    """The Rollout of what `pusher` pushes; None where none is configured, or where there is no endpoint."""
    rollout = config.serving.rollout
    if rollout is None or platform.rollout is None:
        return None
    return Rollout(
        pushed_model=pusher.outputs["pushed_model"],
        registered=registrar.outputs["registered"] if registrar else None,
        config=RolloutInputs.of(config, rollout, platform.rollout),
    )
