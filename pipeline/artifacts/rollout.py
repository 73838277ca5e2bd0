"""The artifact that the Rollout leaves: the record of a rollout, and how far it came."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tfx.types import Artifact

from core.errors import ExitCode
from pipeline.artifacts.text_files import optional_text, write_text
from serving.rollout.record import Rollout

_FILE = "rollout.json"
_NEXT = "next_command"


class RolloutArtifact(Artifact):
    """The record of a rollout in `rollout.json`; marked as absent where nothing was rolled out."""

    TYPE_NAME = "pipeline.RolloutArtifact"


@dataclass(frozen=True)
class RolledOut:
    """A rollout as a run left it, and what to type next where it is not over."""

    rollout: Rollout
    next_command: str

    @property
    def is_done(self) -> bool:
        """Whether the version has all traffic."""
        return self.rollout.exit_code is ExitCode.PUSHED


def write_rollout(artifact: Artifact, rollout: Rollout, next_command: str) -> None:
    """Stores the record."""
    write_text(artifact.uri, _FILE, json.dumps(rollout.to_plain(), indent=2, ensure_ascii=False, allow_nan=False))
    artifact.set_string_custom_property(_NEXT, next_command)


def read_rollout(artifact: Artifact) -> RolledOut | None:
    """The record; None where nothing was rolled out."""
    text = optional_text(artifact.uri, _FILE)
    if not text:
        return None
    return RolledOut(Rollout.from_plain(json.loads(text)), artifact.get_string_custom_property(_NEXT))
