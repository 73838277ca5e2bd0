"""Artifacts that stand for something that there is and that cannot be had, with the reason."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence

from tfx.types import Artifact

from pipeline.artifacts.absence import mark_absent

_PROPERTY = "missing"


def place_of_missing(reason: str, folder: str) -> str:
    """Where an artifact is that no task made: below `folder`, and the same for the same reason."""
    return posixpath.join(folder, hashlib.sha256(reason.encode()).hexdigest()[:16])


def mark_missing(artifact: Artifact, reason: str) -> None:
    """States in a sentence why it cannot be had; it stays at its place."""
    artifact.set_string_custom_property(_PROPERTY, reason)
    mark_absent(artifact)


def reason_missing(artifacts: Sequence[Artifact]) -> str:
    """Why what they stand for cannot be had; empty when it can, or when there is nothing."""
    return next((why for each in artifacts if (why := each.get_string_custom_property(_PROPERTY))), "")
