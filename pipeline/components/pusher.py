"""Pushes a model that every gate has blessed, and no other.

TFX's Pusher pushes with a mere warning when no blessing is wired; this one is told which blessings it needs and
refuses when one is absent, withdrawn, negative or given to another model.
"""

from __future__ import annotations

import json
import posixpath
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from gates.finding import Finding, GateReport, Severity, verdict_of
from pipeline.components.artifacts import (
    GateReportArtifact,
    NewestVersion,
    RegisteredModel,
    is_blessed,
    verdict_told,
    write_report,
)
from pipeline.components.version_folder import Push, VersionFolder
from pipeline.errors import SluiceError
from pipeline.registry.contract import DEPLOYMENT, PRODUCTION, STAGE
from pipeline.registry.folder import FolderRegistry

GATE = "pusher"
BLESSING_SUFFIX = "_blessing"
CHECKS = ("blessing_present", "blessing_live", "blessing_positive", "blessing_of_this_model", "model_present")
NOTED = "noted_in_registry"

# Vertex hands artifacts over without a state; whatever has one must be live.
LIVE = (metadata_store_pb2.Artifact.LIVE, metadata_store_pb2.Artifact.UNKNOWN)


def refusals(
    required: Sequence[str], blessings: Mapping[str, Sequence[types.Artifact]], model_uri: str
) -> list[Finding]:
    """Why the model at `model_uri` may not be pushed; empty when every required blessing stands."""
    found = []
    if not required:
        found.append(_refusal(CHECKS[0], "model", "No blessing is required of this model, so nothing vouches for it."))
    for name in required:
        given = blessings.get(name) or []
        if not given:
            found.append(_refusal(CHECKS[0], name, f"The blessing of {name} is absent."))
        for blessing in given:
            found += _refusals_by(name, blessing, model_uri)
    return found


def _refusals_by(name: str, blessing: types.Artifact, model_uri: str) -> list[Finding]:
    found = []
    if blessing.mlmd_artifact.state not in LIVE:
        state = metadata_store_pb2.Artifact.State.Name(blessing.mlmd_artifact.state)
        found.append(_refusal(CHECKS[1], name, f"The blessing of {name} is not live but {state}."))
    if not is_blessed(blessing):
        found.append(_refusal(CHECKS[2], name, f"{name} did not bless."))
    of_model = blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY)
    judges_models = isinstance(blessing, standard_artifacts.ModelBlessing)
    if (of_model or judges_models) and of_model.rstrip("/") != model_uri.rstrip("/"):
        reason = f"The blessing of {name} is for {of_model or 'no model at all'}, not for {model_uri}."
        found.append(_refusal(CHECKS[3], name, reason))
    return found


def missing_model(source: str) -> list[Finding]:
    """The refusal of a folder without a SavedModel; empty when there is one."""
    if fileio.exists(posixpath.join(source, "saved_model.pb")):
        return []
    return [_refusal("model_present", "Trainer", f"There is no saved_model.pb in {source}.")]


def _refusal(check: str, name: str, reason: str) -> Finding:
    remedy = f"See what {name} said in the report, mend it, and run again; the model served now is untouched."
    return _finding(check, name, Severity.BLOCK, reason, remedy)


def _finding(check: str, subject: str, severity: Severity, reason: str, remedy: str) -> Finding:
    blocks = severity is Severity.BLOCK
    return Finding(check, subject, "blessed", 0.0 if blocks else 1.0, 1.0, 1, severity, reason, remedy)


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
        model = artifact_utils.get_single_instance(input_dict["model"])
        required = json.loads(exec_properties["required"])
        blessings = {name: input_dict.get(name + BLESSING_SUFFIX, []) for name in required}
        source = path_utils.serving_model_path(model.uri)
        findings = refusals(required, blessings, model.uri) + missing_model(source)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        pushed_model.set_int_custom_property("pushed", int(not findings))
        push = None
        if not findings:
            folder = VersionFolder(exec_properties["destination"])
            push = folder.push(source, exec_properties["keep_versions"])
            findings = [_told(push, exec_properties["destination"])]
            told = {name: verdict_told(given[0]) for name, given in blessings.items()}
            pushed_model.set_string_custom_property("gates", json.dumps(told, sort_keys=True))
            for registered in input_dict.get("registered") or []:
                version = registered.get_string_custom_property("version")
                pushed_model.set_string_custom_property("registered_version", version)
                findings.append(_noted(push, registered))
        pushed_model.set_string_custom_property("reason", " ".join(finding.reason for finding in findings))
        write_report(artifact_utils.get_single_instance(output_dict["report"]), _report(findings, started))
        if push is not None:
            _point_at(push, pushed_model, artifact_utils.get_single_instance(output_dict["newest"]))


def _told(push: Push, destination: str) -> Finding:
    how = "is pushed" if push.is_new else "holds this very model already; nothing was pushed"
    reason = f"Version {push.version} in {destination} {how}."
    return _finding("pushed", str(push.version), Severity.INFO, reason, "Nothing to do.")


def _noted(push: Push, registered: types.Artifact) -> Finding:
    """Lets the registry say what was pushed. A push that stands is not undone by a registry that cannot be changed."""
    model, version = (registered.get_string_custom_property(name) for name in ("model", "version"))
    root, deployment = Path(registered.uri).parents[1], f"pushed-{push.version}"
    try:
        FolderRegistry(root).deployed(model, version, deployment)
    except (SluiceError, OSError) as problem:
        said = problem.headline if isinstance(problem, SluiceError) else str(problem)
        reason = f"The registry {root} does not tell that version {push.version} was pushed: {said.rstrip('.')}."
        ask = f"python -m pipeline.registry --folder {shlex.quote(str(root))}"
        by_hand = f"{ask} alias {model} {version} {PRODUCTION}"
        labels = f"{ask} label {model} {version} {STAGE}={PRODUCTION} {DEPLOYMENT}={deployment}"
        return _finding(NOTED, version, Severity.WARN, reason, f"Once it can be changed:  {by_hand} && {labels}")
    reason = f"{model} {version} in the registry {root} is noted as {deployment}."
    return _finding(NOTED, version, Severity.INFO, reason, "Nothing to do.")


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
        "destination": ExecutionParameter(type=str),
        "keep_versions": ExecutionParameter(type=int),
        "required": ExecutionParameter(type=str),
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


def _spec_with(blessings: Mapping[str, types.BaseChannel]) -> type[PusherSpec]:
    """PusherSpec with one optional input a blessing: an absent one must reach the executor to be refused."""
    inputs = {
        name + BLESSING_SUFFIX: ChannelParameter(type=channel.type, optional=True)
        for name, channel in blessings.items()
    }
    return type("PusherSpec", (PusherSpec,), {"INPUTS": {**PusherSpec.INPUTS, **inputs}})


class Pusher(base_component.BaseComponent):
    """Copies the model to `destination` as its newest version when every blessing of `blessings` stands."""

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(PusherExecutor)

    def __init__(
        self,
        model: types.BaseChannel,
        blessings: Mapping[str, types.BaseChannel],
        destination: str,
        keep_versions: int = 5,
        registered: types.BaseChannel | None = None,
    ) -> None:
        """`blessings`: the gates' blessing channels by the gates' names; `registered`: the version in the registry that
        the pushed model's metadata names."""
        channels = {name + BLESSING_SUFFIX: channel for name, channel in blessings.items()}
        super().__init__(
            _spec_with(blessings)(
                model=model,
                registered=registered,
                destination=destination,
                keep_versions=keep_versions,
                required=json.dumps(sorted(blessings)),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
                report=types.Channel(type=GateReportArtifact),
                newest=types.Channel(type=NewestVersion),
                **channels,
            )
        )
