"""What became of one node of the pipeline, and who is told. Free of heavy imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from tfx.types import Artifact

State = Literal["ran", "reused", "skipped", "failed"]


@dataclass(frozen=True)
class NodeResult:
    """What became of one node."""

    node_id: str
    state: State
    seconds: float
    outputs: Mapping[str, Sequence[Artifact]] = field(default_factory=dict)
    error: BaseException | None = None

    def output(self, key: str) -> Artifact | None:
        """The single artifact under `key`, or None when the node made none."""
        artifacts = self.outputs.get(key) or []
        return artifacts[0] if artifacts else None


class Observer(Protocol):
    """Told as a run goes on."""

    def started(self, node_id: str) -> None:
        """A node is about to run."""

    def finished(self, result: NodeResult) -> None:
        """A node has come to an end, whichever."""


Results = Mapping[str, NodeResult]
