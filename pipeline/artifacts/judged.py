"""What a gate judged, noted on its blessing: the content of each of its inputs and of its report. Whoever acts on the
blessing compares, so that nothing is pushed that was exchanged after it was judged."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tfx.components.evaluator import constants
from tfx.types.artifact import Artifact

from core.errors import SluiceError
from gates.verdict.finding import Finding, Severity
from pipeline.artifacts.absence import present
from pipeline.artifacts.blessings import REPORT_FILE, UNALTERED, finding_about, is_blessed, read_report
from pipeline.artifacts.contents import content_of
from pipeline.artifacts.text_files import optional_bytes

JUDGED_PROPERTY = "judged"
_ANEW = "what was altered since it was made is made and judged anew; the model served now is untouched."
_REMEDY = f"Run again: {_ANEW}"
# Vertex AI takes the results of earlier runs without a look at their files.
_REMEDY_REMOTE = f"Run again, on Vertex AI with --no-cache: {_ANEW}"


@dataclass(frozen=True)
class Judged:
    """`inputs`: by the URI of each artifact its content when the gate began; `report`: where the gate's report is, and
    the SHA-256 of its bytes."""

    inputs: Mapping[str, str]
    report_uri: str
    report: str


def contents_of_inputs(inputs: Mapping[str, Iterable[Artifact]]) -> dict[str, str]:
    """The content of every artifact that a gate is given, by its URI."""
    return {artifact.uri: content_of(artifact.uri) for given in inputs.values() for artifact in present(list(given))}


def note_judged(blessing: Artifact, inputs: Mapping[str, str], report: Artifact) -> None:
    """Notes on a blessing what it rests on: `inputs` by URI, and the report that was written."""
    judged = {"inputs": dict(inputs), "report_uri": report.uri, "report": _report_hash(report.uri)}
    blessing.set_string_custom_property(JUDGED_PROPERTY, json.dumps(judged, sort_keys=True))


def was_judged(blessing: Artifact, uri: str) -> bool:
    """Whether what is at `uri` is what a gate judged before it gave this blessing."""
    judged = _judged_of(blessing)
    return judged is not None and bool(judged.inputs.get(uri)) and judged.inputs[uri] == content_of(uri)


def says_what_was_judged(blessing: Artifact) -> bool:
    """Whether the blessing notes what it rests on; an older Sluice noted nothing."""
    return _judged_of(blessing) is not None


def alterations(gates: Sequence[str], blessings: Mapping[str, Sequence[Artifact]], model_uri: str) -> list[Finding]:
    """The reasons why the model at `model_uri` may not be pushed although it was blessed: what is there now is not what
    the gates judged."""
    remedy = _REMEDY_REMOTE if "://" in model_uri else _REMEDY
    return [
        finding_about(UNALTERED, name, Severity.BLOCK, f"{name} blessed what is there no more: {difference}.", remedy)
        for name in gates
        for blessing in blessings.get(name) or []
        for difference in _differences(blessing, model_uri)
    ]


def _differences(blessing: Artifact, model_uri: str) -> list[str]:
    judged = _judged_of(blessing)
    if judged is None:
        return ["its blessing does not say what it judged"]
    found = [
        f"{uri} is not what was judged" if now else f"{uri} is gone"
        for uri, then in judged.inputs.items()
        if (now := content_of(uri)) != then
    ]
    of_model = blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY)
    if of_model and model_uri.rstrip("/") not in {uri.rstrip("/") for uri in judged.inputs}:
        found.append(f"the files of {model_uri} are not among what was judged")
    return found + _differences_of_report(judged, is_blessed(blessing))


def _differences_of_report(judged: Judged, blessed: bool) -> list[str]:
    place = posixpath.join(judged.report_uri, REPORT_FILE)
    if _report_hash(judged.report_uri) != judged.report:
        return [f"{place} is gone or was changed"]
    try:
        report = read_report(judged.report_uri)
    except SluiceError as damaged:
        return [damaged.headline.rstrip(".")]
    if report.blessed != blessed:
        return [f"the verdict in {place} is {report.verdict.value}, and the blessing is another"]
    return []


def _judged_of(blessing: Artifact) -> Judged | None:
    try:
        return Judged(**json.loads(blessing.get_string_custom_property(JUDGED_PROPERTY)))
    except (TypeError, ValueError):
        return None


def _report_hash(uri: str) -> str:
    return hashlib.sha256(optional_bytes(uri, REPORT_FILE)).hexdigest()
