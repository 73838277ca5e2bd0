"""The result of one node of the pipeline, and the observer of a run. Free of heavy imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from tfx.types import Artifact

State = Literal["ran", "reused", "skipped", "failed"]


@dataclass(frozen=True)
class NodeResult:
    """The result of one node."""

    node_id: str
    state: State
    seconds: float
    outputs: Mapping[str, Sequence[Artifact]] = field(default_factory=dict)
    error: BaseException | None = None
    made_anew: str = ""
    """Why what an earlier run made was not reused; empty when there was none, or it had been made otherwise."""

    def output(self, key: str) -> Artifact | None:
        """The single artifact under `key`, or None when the node made none."""
        artifacts = self.outputs.get(key) or []
        return artifacts[0] if artifacts else None


class Observer(Protocol):
    """Called as a run proceeds."""

    def started(self, node_id: str) -> None:
        """Called before a node runs."""

    def finished(self, result: NodeResult) -> None:
        """Called after a node has run, was reused, skipped or failed."""


Results = Mapping[str, NodeResult]
