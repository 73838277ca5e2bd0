"""A model with its record, as the Registrar hands it in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.contract import Figure, Numbered, Submission
from registry.recipe import Recipe


def _describe(folder: Path, numbered: Numbered) -> None:
    (folder / "model_card.md").write_text(f"# {numbered.model} {numbered.version}\n{numbered.reason}\n")


def submission(
    folder: Path, weights: bytes = b"weights", model: str = "taxi", auc: float = 0.9, **recipe: Mapping[str, Any]
) -> Submission:
    """A SavedModel in `folder` with a recipe; what is named replaces its part."""
    (folder / "variables").mkdir(parents=True, exist_ok=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables/variables.data-00000-of-00001").write_bytes(weights * 1000)
    made: dict[str, Any] = {
        "architecture": {"module": "models.a"},
        "hyperparameters": {"learning_rate": 0.001},
        "rest": {"data": "abc", "seed": 7},
        **recipe,
    }
    return Submission(model, folder, Recipe(**made), {"auc": Figure(auc, auc - 0.01, auc + 0.01)}, {}, _describe)
