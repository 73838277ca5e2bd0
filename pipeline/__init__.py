"""The DAG on one page, its typed configuration, and our TFX components."""

from typing import Any

_IN_BLESSINGS = frozenset({"GateReportArtifact", "Blessing", "NewestVersion", "RegisteredModel"})


def __getattr__(name: str) -> Any:
    """Our artifact types as `pipeline.<Class>`, imported on first use: Vertex imports them by that path."""
    if name in _IN_BLESSINGS:
        from pipeline.artifacts import blessings

        return getattr(blessings, name)
    if name == "ReferencesArtifact":
        from pipeline.artifacts.evaluation import ReferencesArtifact

        return ReferencesArtifact
    if name == "RolloutArtifact":
        from pipeline.artifacts.rollout import RolloutArtifact

        return RolloutArtifact
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
