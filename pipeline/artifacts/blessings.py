"""The artifacts of gate components: a report for people and a blessing for conditions."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from core.errors import SluiceError
from gates.verdict.finding import Finding, GateReport, Severity
from pipeline.artifacts.text_files import optional_text, write_text

UNALTERED = "judged_unaltered"
_OF_A_BLESSING = ("blessing_present", "blessing_live", "blessing_positive", "blessing_of_this_model")
CHECKS = (*_OF_A_BLESSING, "model_present", UNALTERED)
# Vertex passes artifacts without a state; an artifact with a state must be live.
LIVE = (metadata_store_pb2.Artifact.LIVE, metadata_store_pb2.Artifact.UNKNOWN)


BLESSED_PROPERTY = "blessed"
GATE_PROPERTY = "gate"
VERDICT_PROPERTY = "verdict"
WAIVED_PROPERTY = "waived"
REPORT_FILE = "report.json"

# Vertex finds the class of an artifact by its type name, `<package>.<Class>`: see `__getattr__` of the package.


class GateReportArtifact(Artifact):
    """The report of one gate on one run, in `report.json`."""

    TYPE_NAME = "pipeline.GateReportArtifact"


class Blessing(Artifact):
    """Whether the components after a gate may run: custom property `blessed`, 1 or 0, and the gate's name in `gate`."""

    TYPE_NAME = "pipeline.Blessing"


class NewestVersion(Artifact):
    """A file that exists while the pushed version that it names is the newest."""

    TYPE_NAME = "pipeline.NewestVersion"


class RegisteredModel(Artifact):
    """A version in the model registry, at its folder; custom property `registered` is 0 where nothing was."""

    TYPE_NAME = "pipeline.RegisteredModel"


def write_report(artifact: Artifact, report: GateReport) -> None:
    """Stores a gate's report."""
    write_text(artifact.uri, REPORT_FILE, report.dumps())


def read_report(uri: str) -> GateReport:
    """The report in the artifact at `uri`.

    Raises:
      SluiceError: when it is gone or damaged.
    """
    try:
        return GateReport.loads(optional_text(uri, REPORT_FILE))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        place = posixpath.join(uri, REPORT_FILE)
        sentence = f"the report of a gate, {place}, is gone or damaged."
        raise SluiceError(sentence, "Run again: the gate judges anew.") from problem


def bless(artifact: Artifact, report: GateReport) -> None:
    """Stores the gate's verdict on a blessing, with the waived findings and their reasons. The file makes the
    artifact's folder exist on object stores."""
    waived = [
        {
            "check": finding.check,
            "subject": finding.subject,
            "reason": finding.waiver,
            "expires": finding.waived_until,
        }
        for finding in report.findings
        if finding.waiver
    ]
    artifact.set_int_custom_property(BLESSED_PROPERTY, int(report.blessed))
    artifact.set_string_custom_property(GATE_PROPERTY, report.gate)
    artifact.set_string_custom_property(VERDICT_PROPERTY, report.verdict.value)
    artifact.set_string_custom_property(
        WAIVED_PROPERTY, json.dumps(waived, indent=2, ensure_ascii=False, allow_nan=False)
    )
    write_text(artifact.uri, "BLESSED" if report.blessed else "NOT_BLESSED", "")


def verdict_properties(blessing: Artifact) -> dict[str, Any]:
    """The verdict and the waivers of a blessing, for the metadata of the pushed model."""
    waived = blessing.get_string_custom_property(WAIVED_PROPERTY)
    verdict = blessing.get_string_custom_property(VERDICT_PROPERTY)
    return {"verdict": verdict, "waived": json.loads(waived) if waived else []}


def is_blessed(artifact: Artifact) -> bool:
    """Whether a blessing of ours or of TFX is positive; one without the property is not."""
    return bool(artifact.get_int_custom_property(BLESSED_PROPERTY) == 1)


def refusals(
    required: Sequence[str], blessings: Mapping[str, Sequence[types.Artifact]], model_uri: str
) -> list[Finding]:
    """The reasons why the model at `model_uri` may not be pushed; empty when every required blessing is positive."""
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
    remedy = f"See the findings of {name} in the report, mend it, and run again; the model served now is untouched."
    return finding_about(check, name, Severity.BLOCK, reason, remedy)


def finding_about(check: str, subject: str, severity: Severity, reason: str, remedy: str) -> Finding:
    """A finding about a model that needs blessings. Its figure is whether the model may be pushed."""
    blocks = severity is Severity.BLOCK
    return Finding(check, subject, "blessed", 0.0 if blocks else 1.0, 1.0, 1, severity, reason, remedy)
