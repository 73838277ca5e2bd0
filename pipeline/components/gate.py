"""What the four gates share: their outputs, their wiring, and the reporting of progress; and what the components after
them share, which act on a blessed model alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tfx.components.evaluator import constants
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Artifact, BaseChannel, Channel, artifact_utils
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from core.strict import Strict
from gates.verdict.finding import Finding, GateReport
from pipeline.artifacts.absence import present
from pipeline.artifacts.blessings import Blessing, GateReportArtifact, bless, missing_model, refusals, write_report
from pipeline.artifacts.judged import alterations, contents_of_inputs, note_judged

Artifacts = Mapping[str, list[Artifact]]
ArtifactTypes = Mapping[str, type[Artifact]]
_BLESSING_SUFFIX, _REPORT_SUFFIX = "_blessing", "_report"


class GateExecutor(BaseExecutor):
    """Judges, and writes report and blessing. A refusal is a successful execution."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Called by TFX with empty outputs."""
        started = time.monotonic()
        contents = contents_of_inputs(input_dict)
        report = self.judge(input_dict, output_dict, exec_properties["config"])
        report = replace(report, seconds=time.monotonic() - started)
        written = artifact_utils.get_single_instance(output_dict["report"])
        write_report(written, report)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        _name_models(blessing, input_dict)
        bless(blessing, report)
        note_judged(blessing, contents, written)

    def judge(self, inputs: Artifacts, outputs: Artifacts, config: str) -> GateReport:
        """The verdict on `inputs`. `config` is the text of the gate's typed inputs; artifacts other than report and
        blessing are written to `outputs`."""
        raise NotImplementedError


class GateComponent(BaseComponent):
    """A component whose executor is a GateExecutor. Subclasses name its spec, made by `gate_spec`, and its executor."""

    def __init__(self, config: Strict, code: str = "", **channels: BaseChannel | None) -> None:
        """`channels`: the inputs by their names in the spec, an optional one may be None; `code` only makes a new cache
        key."""
        if unknown := set(channels) - set(self.SPEC_CLASS.INPUTS):
            raise TypeError(f"{type(self).__name__} has no input {', '.join(sorted(unknown))}")
        made = {name: Channel(type=parameter.type) for name, parameter in self.SPEC_CLASS.OUTPUTS.items()}
        super().__init__(self.SPEC_CLASS(config=config.to_property(), code=code, **channels, **made))


def gate_spec(
    inputs: ArtifactTypes,
    optional: ArtifactTypes | None = None,
    outputs: ArtifactTypes | None = None,
    blessing: type[Artifact] = Blessing,
) -> type[ComponentSpec]:
    """Typed inputs in; report, blessing and `outputs` out."""
    left = {**(outputs or {}), "report": GateReportArtifact, "blessing": blessing}
    fields = {
        "PARAMETERS": {"config": ExecutionParameter(type=str), "code": ExecutionParameter(type=str)},
        "INPUTS": {
            **{name: ChannelParameter(type=each) for name, each in inputs.items()},
            **{name: ChannelParameter(type=each, optional=True) for name, each in (optional or {}).items()},
        },
        "OUTPUTS": {name: ChannelParameter(type=each) for name, each in left.items()},
    }
    return type("GateSpec", (ComponentSpec,), fields)


@dataclass(frozen=True)
class Candidate:
    """The model that a component after the gates is given, and the reasons why it may not go on."""

    saved_model: str
    """The folder of its SavedModel."""
    blessings: Mapping[str, Sequence[Artifact]]
    """By gate; empty where a gate gave none."""
    refused: Sequence[Finding]
    """Empty when every gate blessed this very model, and what they judged is what is there now."""


def candidate_of(inputs: Artifacts, gates: Sequence[str]) -> Candidate:
    """The model of `inputs`, judged by the blessings of all `gates`."""
    model = artifact_utils.get_single_instance(inputs["model"])
    blessings = {name: inputs.get(name + _BLESSING_SUFFIX, []) for name in gates}
    saved_model = path_utils.serving_model_path(model.uri)
    refused = refusals(gates, blessings, model.uri) + missing_model(saved_model)
    return Candidate(saved_model, blessings, refused or alterations(gates, blessings, model.uri))


def reports_of(inputs: Artifacts, gates: Sequence[str]) -> list[Artifact]:
    """The reports that `gates` left."""
    return [report for name in gates for report in inputs.get(name + _REPORT_SUFFIX) or []]


def reasons_of(findings: Sequence[Finding]) -> str:
    """The reasons of all findings, as a property of an artifact holds them."""
    return " ".join(finding.reason for finding in findings)


def after_gates(
    spec: type[ComponentSpec],
    blessings: Mapping[str, BaseChannel],
    reports: Mapping[str, BaseChannel] | None = None,
    **given: object,
) -> ComponentSpec:
    """`spec` with one optional input a blessing and a report, both by the gates' names: that of a gate that did not run
    must reach the executor to be refused. `given`: what the spec itself takes."""
    channels = {name + _BLESSING_SUFFIX: channel for name, channel in blessings.items()}
    channels |= {name + _REPORT_SUFFIX: channel for name, channel in (reports or {}).items()}
    further = {name: ChannelParameter(type=channel.type, optional=True) for name, channel in channels.items()}
    made = {name: Channel(type=parameter.type) for name, parameter in spec.OUTPUTS.items()}
    return type(spec.__name__, (spec,), {"INPUTS": {**spec.INPUTS, **further}})(**given, **channels, **made)


def optional_instance(inputs: Artifacts, name: str) -> Artifact | None:
    """The single artifact of an optional input; None when it is not wired, or stands for nothing."""
    given = present(inputs.get(name) or [])
    return artifact_utils.get_single_instance(given) if given else None


def tell_progress(check: str, place: int, of: int) -> None:
    """Reports progress through the log, which the console shows as a bar."""
    logging.getLogger("sluice.progress").info("%s", check, extra={"done": place, "total": of})


def tell_step(sentence: str) -> None:
    """Reports a step that may take hours through the log, which a console without a bar shows as a line."""
    logging.getLogger("sluice.progress").info("%s", sentence, extra={"is_step": True})


def _name_models(blessing: Artifact, inputs: Artifacts) -> None:
    """Stores the judged model's name as TFX's Evaluator does, for TFX's resolvers and because the Pusher refuses a
    blessing of another model. A gate of the data stores none."""
    for name, uri, identity in (
        ("model", constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY),
        (
            "baseline_model",
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY,
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY,
        ),
    ):
        if model := optional_instance(inputs, name):
            blessing.set_string_custom_property(uri, model.uri)
            blessing.set_int_custom_property(identity, model.id)
