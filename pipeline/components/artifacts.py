"""What gate components publish: a report for people, a blessing for conditions, and how both are stored."""

from __future__ import annotations

import json
import posixpath
from typing import Any

from tfx.dsl.io import fileio
from tfx.types.artifact import Artifact

from gates.finding import GateReport
from gates.metrics import Evaluation, Reference

BLESSED_PROPERTY = "blessed"
GATE_PROPERTY = "gate"
VERDICT_PROPERTY = "verdict"
WAIVED_PROPERTY = "waived"
REPORT_FILE = "report.json"
EVALUATION_FILE = "evaluation.json"
REFERENCES_FILE = "references.json"

# Vertex finds the class of an artifact by its type name, `<package>.<Class>`: see `__getattr__` of the package.


class GateReportArtifact(Artifact):
    """Everything that one gate said about one run, in `report.json`."""

    TYPE_NAME = "pipeline.GateReportArtifact"


class Blessing(Artifact):
    """Whether what hangs on a gate may go on: custom property `blessed`, 1 or 0, and the gate's name in `gate`."""

    TYPE_NAME = "pipeline.Blessing"


class ReferencesArtifact(Artifact):
    """Simple models measured on the same test split, in `references.json`."""

    TYPE_NAME = "pipeline.ReferencesArtifact"


class NewestVersion(Artifact):
    """A file that exists for as long as the pushed version it names is the newest."""

    TYPE_NAME = "pipeline.NewestVersion"


class RegisteredModel(Artifact):
    """A version in the model registry, at its folder; custom property `registered` is 0 where nothing was."""

    TYPE_NAME = "pipeline.RegisteredModel"


def write_text(uri: str, name: str, text: str) -> None:
    """Writes one small file into an artifact."""
    fileio.makedirs(uri)
    with fileio.open(posixpath.join(uri, name), "w") as file:
        file.write(text)


def read_text(uri: str, name: str) -> str:
    """Reads one small file of an artifact."""
    with fileio.open(posixpath.join(uri, name), "r") as file:
        return str(file.read())


def write_report(artifact: Artifact, report: GateReport) -> None:
    """Stores a gate's report."""
    write_text(artifact.uri, REPORT_FILE, report.dumps())


def read_report(uri: str) -> GateReport:
    """The report in the artifact at `uri`."""
    return GateReport.loads(read_text(uri, REPORT_FILE))


def bless(artifact: Artifact, report: GateReport) -> None:
    """Marks a blessing by what the gate said, and keeps beside it what was let pass by a waiver and why. The file
    keeps the artifact's folder real on object stores."""
    waived = [
        {"check": finding.check, "subject": finding.subject, "reason": finding.waiver}
        for finding in report.findings
        if finding.waiver
    ]
    artifact.set_int_custom_property(BLESSED_PROPERTY, int(report.blessed))
    artifact.set_string_custom_property(GATE_PROPERTY, report.gate)
    artifact.set_string_custom_property(VERDICT_PROPERTY, report.verdict.value)
    artifact.set_string_custom_property(WAIVED_PROPERTY, _dumps(waived))
    write_text(artifact.uri, "BLESSED" if report.blessed else "NOT_BLESSED", "")


def verdict_told(blessing: Artifact) -> dict[str, Any]:
    """What a blessing says of its gate, for the metadata of the model that it lets pass."""
    waived = blessing.get_string_custom_property(WAIVED_PROPERTY)
    verdict = blessing.get_string_custom_property(VERDICT_PROPERTY)
    return {"verdict": verdict, "waived": _loads(waived) if waived else []}


def is_blessed(artifact: Artifact) -> bool:
    """Whether a blessing of ours or of TFX says yes; saying nothing is saying no."""
    return bool(artifact.get_int_custom_property(BLESSED_PROPERTY) == 1)


def write_evaluation(artifact: Artifact, evaluation: Evaluation) -> None:
    """Stores what was measured beside the files of TensorFlow Model Analysis."""
    write_text(artifact.uri, EVALUATION_FILE, _dumps(evaluation.to_json()))


def read_evaluation(uri: str) -> Evaluation:
    """The evaluation in the artifact at `uri`."""
    return Evaluation.from_json(_loads(read_text(uri, EVALUATION_FILE)))


def write_references(artifact: Artifact, references: list[Reference]) -> None:
    """Stores the simple models' figures, in the shape that `Evaluation` gives its references."""
    plain = Evaluation(confidence=0.0, estimates=(), references=tuple(references)).to_json()["references"]
    write_text(artifact.uri, REFERENCES_FILE, _dumps(plain))


def read_references(uri: str) -> list[Reference]:
    """The references in the artifact at `uri`."""
    plain = {"confidence": 0.0, "estimates": [], "confusion": None, "notes": []}
    return list(Evaluation.from_json({**plain, "references": _loads(read_text(uri, REFERENCES_FILE))}).references)


def _dumps(plain: Any) -> str:
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)


def _loads(text: str) -> Any:
    return json.loads(text)
