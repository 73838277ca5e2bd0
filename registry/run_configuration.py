"""What the registry keeps of the configuration and the provenance of a run: typed here, filled in by the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.strict import Strict
from registry.recipe import Settings


@dataclass(frozen=True)
class RecipeSettings:
    """The sections of the configuration that belong to the recipe of a model, without the keys that name a place or a
    machine."""

    data: Settings
    prediction: Settings
    split: Settings
    train: Settings


@dataclass(frozen=True)
class CardFacts:
    """What the model card takes from the configuration."""

    purpose: str
    """What the model is for; empty when nobody wrote it down."""
    limits: tuple[str, ...]
    """What the model must not be used for, a sentence each."""
    label: str
    label_expression: str | None
    made_at: str
    """The moment of the prediction."""
    withheld: tuple[str, ...]
    """The columns that the model never reads."""
    split_by: str
    """What assigns a row to its split: row, column, entity or time."""
    split_column: str | None
    entity_key: str | None


class Provenance(Strict):
    """The provenance of a run."""

    git_commit: str | None = None
    lock_hash: str | None = None
    data_fingerprint: str
    code: str
    """A hash of the code that computes features and learns."""
    seed: int


@dataclass(frozen=True)
class Environment:
    """What made a version: the provenance of its run, and the versions of the process that registered it."""

    provenance: Provenance
    python: str
    system: str
    versions: Mapping[str, str | None]
    """By package; None where it is not installed."""

    def facts(self) -> dict[str, str | int | None]:
        """Each but the versions of packages, by name; None for what is unknown."""
        provenance = self.provenance.model_dump()
        return {**dict(sorted(provenance.items())), "python": self.python, "system": self.system}

    def as_json(self) -> Settings:
        """As `environment.json` holds it."""
        return {**self.facts(), "versions": dict(self.versions)}
