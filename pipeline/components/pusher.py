"""Pushes a model that every gate has blessed, and no other.

TFX's Pusher pushes with a mere warning when no blessing is wired; this one has a list of required blessings and refuses
when one is absent, withdrawn, negative or of another model.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from core.strict import Strict
from gates.verdict.finding import Finding, GateReport, Severity, verdict_of
from pipeline.artifacts.blessings import (
    CHECKS,
    GateReportArtifact,
    NewestVersion,
    RegisteredModel,
    finding_about,
    verdict_properties,
    write_report,
)
from pipeline.artifacts.registered import not_noted, noted, registered_of
from pipeline.components.gate import after_gates, candidate_of, reasons_of
from registry.contract import PRODUCTION
from serving.backends import endpoint_at, version_folder_at
from serving.contract import EndpointDownError
from serving.rollout.registration import record_stage
from serving.rollout.stores import store_at
from serving.rollout.traffic import hold_traffic
from serving.version_folder import Push

if TYPE_CHECKING:
    from pipeline.config.workload import WorkloadConfig
    from pipeline.platform import Platform

GATE = "pusher"


class PusherInputs(Strict):
    """The inputs of the Pusher."""

    gates: list[str]
    """Those whose blessings it needs."""
    destination: str
    """The folder of versions that an endpoint serves."""
    keep_versions: int


class Followed(Strict):
    """The rollout that follows the push."""

    workload: str
    endpoint: str
    """The place of the endpoint, whose traffic must stay where it is."""
    records: str
    """The output folder that holds the records of rollouts."""

    @classmethod
    def of(cls, config: WorkloadConfig, platform: Platform) -> Followed | None:
        """None where none is configured, or where there is no endpoint."""
        if config.serving.rollout is None or platform.rollout is None:
            return None
        places = platform.rollout
        return cls(workload=config.name, endpoint=places.endpoint, records=places.records)


class PusherExecutor(base_executor.BaseExecutor):
    """Refuses or pushes; a refusal is a success that pushes nothing."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the report; when pushed, the outputs' URIs are those of the version itself."""
        started = time.monotonic()
        given = PusherInputs.from_property(exec_properties["config"])
        candidate = candidate_of(input_dict, given.gates)
        findings = list(candidate.refused)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        pushed_model.set_int_custom_property("pushed", int(not findings))
        push = None
        if not findings:
            followed = Followed.from_property(text) if (text := exec_properties.get("followed")) else None
            spared = _prepared(followed) if followed else set()
            push = version_folder_at(given.destination).push(candidate.saved_model, given.keep_versions, spared)
            findings = [_push_finding(push, given.destination)]
            verdicts = {name: verdict_properties(each[0]) for name, each in candidate.blessings.items()}
            pushed_model.set_string_custom_property("gates", json.dumps(verdicts, sort_keys=True))
            for registered in input_dict.get("registered") or []:
                version = registered.get_string_custom_property("version")
                pushed_model.set_string_custom_property("registered_version", version)
                # A rollout moves what is in production at its end.
                if followed is None:
                    findings.append(_noted(push, registered))
        pushed_model.set_string_custom_property("reason", reasons_of(findings))
        write_report(artifact_utils.get_single_instance(output_dict["report"]), _report(findings, started))
        if push is not None:
            _point_at(push, pushed_model, artifact_utils.get_single_instance(output_dict["newest"]))


def _prepared(followed: Followed) -> set[int]:
    """Keeps the endpoint's traffic where it is; the version that an unfinished rollout is about must stay."""
    with suppress(EndpointDownError):  # none was ever started, and there is no version yet that it could serve
        hold_traffic(endpoint_at(followed.endpoint, followed.workload))
    current = store_at(followed.records, followed.workload).current()
    return {int(current.candidate.version)} if current is not None and not current.is_final else set()


def _push_finding(push: Push, destination: str) -> Finding:
    how = "is pushed" if push.is_new else "holds this very model already; nothing was pushed"
    reason = f"Version {push.version} in {destination} {how}."
    return finding_about("pushed", str(push.version), Severity.INFO, reason, "Nothing to do.")


def _noted(push: Push, artifact: types.Artifact) -> Finding:
    """Records the push in the registry. A registry that cannot be changed does not undo the push."""
    registered = registered_of(artifact)
    unrecorded = record_stage(registered, PRODUCTION, str(push.version))
    if unrecorded:
        return not_noted(registered.version, unrecorded)
    return noted(registered, f"pushed-{push.version}")


def _report(findings: list[Finding], started: float) -> GateReport:
    return GateReport(
        gate=GATE,
        verdict=verdict_of(findings),
        findings=tuple(findings),
        checks_run=CHECKS,
        seconds=time.monotonic() - started,
    )


def _point_at(push: Push, pushed_model: types.Artifact, newest: types.Artifact) -> None:
    """TFX reuses a cached execution while its outputs' URIs exist. So these are the pushed version itself and the
    marker of its being the newest: when it was deleted or superseded, the next run pushes again."""
    pushed_model.set_string_custom_property("pushed_destination", push.path)
    pushed_model.set_string_custom_property("pushed_version", str(push.version))
    pushed_model.set_string_custom_property("fingerprint", push.fingerprint)
    pushed_model.uri = push.path
    newest.uri = push.marker


class PusherSpec(ComponentSpec):
    """Model in; pushed model, report and the marker of the newest version out. Blessings are added per pipeline."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "config": ExecutionParameter(type=str),
        # Absent where no rollout follows.
        "followed": ExecutionParameter(type=str, optional=True),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "registered": ChannelParameter(type=RegisteredModel, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
        "report": ChannelParameter(type=GateReportArtifact),
        "newest": ChannelParameter(type=NewestVersion),
    }


class Pusher(base_component.BaseComponent):
    """Copies the model to `destination` as its newest version when every blessing of `blessings` is positive."""

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(PusherExecutor)

    def __init__(
        self,
        model: types.BaseChannel,
        blessings: Mapping[str, types.BaseChannel],
        destination: str,
        keep_versions: int = 5,
        registered: types.BaseChannel | None = None,
        followed: Followed | None = None,
    ) -> None:
        """`blessings`: the gates' blessing channels by the gates' names; `registered`: the version in the registry that
        the pushed model's metadata names; `followed`: the rollout that follows, if one does."""
        given = PusherInputs(gates=sorted(blessings), destination=destination, keep_versions=keep_versions)
        follows = followed.to_property() if followed else None
        super().__init__(
            after_gates(
                PusherSpec, blessings, model=model, registered=registered, config=given.to_property(), followed=follows
            )
        )
