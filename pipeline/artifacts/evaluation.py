"""The figures of a model and of the simple models on test."""

from __future__ import annotations

import json
from typing import Any

from tfx.types.artifact import Artifact

from gates.evaluation.metrics import Evaluation, Reference
from gates.evaluation.mistakes import Mistake
from pipeline.artifacts.text_files import optional_text, read_text, write_text

EVALUATION_FILE = "evaluation.json"
REFERENCES_FILE = "references.json"
MISTAKES_FILE = "mistakes.json"


class ReferencesArtifact(Artifact):
    """Simple models measured on the same test split, in `references.json`."""

    TYPE_NAME = "pipeline.ReferencesArtifact"


def write_evaluation(artifact: Artifact, evaluation: Evaluation) -> None:
    """Stores the evaluation beside the files of TensorFlow Model Analysis."""
    write_text(artifact.uri, EVALUATION_FILE, _dumps(evaluation.to_json()))


def read_evaluation(uri: str) -> Evaluation:
    """The evaluation in the artifact at `uri`."""
    return Evaluation.from_json(json.loads(read_text(uri, EVALUATION_FILE)))


def write_mistakes(artifact: Artifact, mistakes: list[Mistake]) -> None:
    """Stores rows that were taken for another class, with their images."""
    write_text(artifact.uri, MISTAKES_FILE, _dumps([each.to_json() for each in mistakes]))


def read_mistakes(uri: str) -> tuple[Mistake, ...]:
    """The mistakes in the artifact at `uri`; none where the data hold no images."""
    return tuple(map(Mistake.from_json, json.loads(optional_text(uri, MISTAKES_FILE) or "[]")))


def write_references(artifact: Artifact, references: list[Reference]) -> None:
    """Stores the simple models' figures, in the shape that `Evaluation` gives its references."""
    plain = Evaluation(confidence=0.0, estimates=(), references=tuple(references)).to_json()["references"]
    write_text(artifact.uri, REFERENCES_FILE, _dumps(plain))


def read_references(uri: str) -> list[Reference]:
    """The references in the artifact at `uri`."""
    plain = {"confidence": 0.0, "estimates": [], "confusion": None, "notes": []}
    return list(Evaluation.from_json({**plain, "references": json.loads(read_text(uri, REFERENCES_FILE))}).references)


def _dumps(plain: Any) -> str:
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
