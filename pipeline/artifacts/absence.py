"""Artifacts that stand for nothing: on Vertex AI a task always gives every output that it declares."""

from __future__ import annotations

from collections.abc import Sequence

from tfx.types import Artifact

from pipeline.artifacts.text_files import write_text

_PROPERTY = "absent"


def mark_absent(artifact: Artifact) -> None:
    """States that there is nothing. The file makes the artifact's folder exist on object stores."""
    artifact.set_int_custom_property(_PROPERTY, 1)
    write_text(artifact.uri, "ABSENT", "")


def present(artifacts: Sequence[Artifact]) -> list[Artifact]:
    """Those that stand for something."""
    return [artifact for artifact in artifacts if not artifact.get_int_custom_property(_PROPERTY)]
