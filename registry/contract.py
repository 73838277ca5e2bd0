"""The contract of every model registry, whether it is a folder or Vertex AI's."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import SluiceError
from registry.recipe import Change, Recipe, changes_between, is_version

LATEST, PRODUCTION = "latest", "production"
STAGE, DEPLOYMENT = "stage", "deployment"
# The stages beside production.
CANARY, ROLLED_BACK, ARCHIVED = "canary", "rolled-back", "archived"
LABELS = (STAGE, "approved", DEPLOYMENT, "performance")  # those that Sluice itself sets or reads

_MODEL = re.compile(r"[a-z][a-z0-9_-]{0,127}")
# What Vertex AI allows in both places, so that a model can move there.
_ALIAS = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")
_LABEL_KEY, _LABEL_VALUE = re.compile(r"[a-z][a-z0-9_-]{0,62}"), re.compile(r"[a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Figure:
    """One figure of a model, with its interval where it has one."""

    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a model. Only its aliases and labels change."""

    model: str
    version: str
    reason: str  # "minor: learning_rate 0.001 → 0.0005"
    registered_at: str  # UTC, ISO 8601
    digest: str  # of every file of the version
    recipe: Recipe
    figures: Mapping[str, Figure]
    location: str  # where its files are
    aliases: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Numbered:
    """The number of a version, given before its files are written."""

    model: str
    version: str
    reason: str


@dataclass(frozen=True)
class Submission:
    """A model to register. `describe` writes the files beside it into an empty folder."""

    model: str  # the name under which its versions are kept
    saved_model: Path
    recipe: Recipe
    figures: Mapping[str, Figure]
    labels: Mapping[str, str]
    describe: Callable[[Path, Numbered], None]


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side. `figures`: by name, the first's and the second's."""

    first: RegisteredVersion
    second: RegisteredVersion
    changes: tuple[Change, ...]
    figures: Mapping[str, tuple[Figure | None, Figure | None]]


class ModelRegistry(ABC):
    """Versions of models, numbered by what changed, never altered once registered.

    `reference` is the number of a version (`1.0.0`) or one of its aliases (`production`).
    """

    place: str  # where the versions are kept, as `registry.backends.registry_at` takes it

    @abstractmethod
    def register(self, submission: Submission) -> RegisteredVersion:
        """Adds a version, whole or not at all; a registered model keeps its version.

        A model is registered already when its SavedModel is the same, or its recipe, its weights and its assets are.

        Raises:
          SluiceError: when the name cannot be one, or there is no SavedModel.
        """

    @abstractmethod
    def models(self) -> list[str]:
        """The names of the models, in alphabetical order."""

    @abstractmethod
    def versions(self, model: str) -> list[RegisteredVersion]:
        """Every version of a model, oldest first; empty when there is none."""

    @abstractmethod
    def alias(self, model: str, reference: str, alias: str) -> RegisteredVersion:
        """Moves `alias` to this version.

        Raises:
          SluiceError: when there is no such version, it is gone or altered, or the alias cannot be one.
        """

    @abstractmethod
    def label(self, model: str, reference: str, labels: Mapping[str, str]) -> RegisteredVersion:
        """Sets labels; an empty value removes the label.

        Raises:
          SluiceError: when there is no such version, it is gone or altered, or a label cannot be one.
        """

    @abstractmethod
    def deployed(self, model: str, reference: str, deployment: str) -> RegisteredVersion:
        """Records in one step that this version was pushed: `production` points at it, its labels are
        `stage=production` and `deployment=<deployment>`, and the version in production before is archived. A deployment
        is recorded once: later changes by people stay.

        Raises:
          SluiceError: when there is no such version, or it is gone or altered.
        """

    @abstractmethod
    def alteration(self, version: RegisteredVersion) -> str:
        """How a version's files differ from the registered ones, in words; empty when they do not."""

    @abstractmethod
    def fetch(self, model: str, reference: str, folder: Path) -> RegisteredVersion:
        """Copies a version's files to `folder`, whole or not at all, when they are the registered ones.

        Raises:
          SluiceError: when a file was altered, added or lost since, or `folder` is not empty.
        """

    def exists(self) -> bool:
        """Whether there is a place to look into; a backend that makes its place at the first use always has one."""
        return True

    def find(self, model: str, reference: str) -> RegisteredVersion:
        """The version with this number or alias.

        Raises:
          SluiceError: when there is no such model, version or alias.
        """
        known = self.versions(model)
        for each in known:
            if reference == each.version or reference in each.aliases:
                return each
        if not known:
            there = ", ".join(self.models()) or "none"
            raise SluiceError(f"there is no model `{model}` in the registry (there: {there}).", _LIST)
        names = ", ".join([*(each.version for each in known), *(name for each in known for name in each.aliases)])
        raise SluiceError(f"{model} has no version or alias `{reference}` (there: {names}).", f"{_LIST} {model}")

    def in_production(self, model: str) -> RegisteredVersion | None:
        """The version that `production` points at; None when there is none."""
        return next((version for version in self.versions(model) if PRODUCTION in version.aliases), None)

    def compare(self, model: str, first: str, second: str) -> Comparison:
        """The changes from the first version to the second.

        Raises:
          SluiceError: when there is no such model, version or alias.
        """
        one, other = self.find(model, first), self.find(model, second)
        names = dict.fromkeys([*one.figures, *other.figures])
        return Comparison(
            first=one,
            second=other,
            changes=tuple(changes_between(one.recipe, other.recipe)),
            figures={name: (one.figures.get(name), other.figures.get(name)) for name in names},
        )


_LIST = "See what is there:  python -m registry list"


def check_model_name(model: str) -> None:
    """Refuse a name that no model can have.

    Raises:
      SluiceError: when it cannot.
    """
    if not is_model_name(model):
        sentence = f"`{model}` cannot be the name of a model: it takes a-z, 0-9, _ and -, and begins with a letter."
        raise SluiceError(sentence, _LIST)


def is_model_name(name: str) -> bool:
    """Whether a model can have this name."""
    return _MODEL.fullmatch(name) is not None


def check_alias(alias: str) -> None:
    """Refuse a name that no alias can have.

    Raises:
      SluiceError: when it cannot.
    """
    if alias == LATEST:
        sentence = f"the alias `{LATEST}` always means the newest version and cannot be given to another."
        raise SluiceError(sentence, "Use another, e.g.:  production")
    if _ALIAS.fullmatch(alias) is None or is_version(alias):
        sentence = f"`{alias}` cannot be an alias: it takes 2 to 63 of a-z, 0-9 and -, and begins with a letter."
        raise SluiceError(sentence, "Use another, e.g.:  production")


def is_label(key: str, value: str) -> bool:
    """Whether a label can have this key and this value, here and on Google Cloud."""
    return _LABEL_KEY.fullmatch(key) is not None and _LABEL_VALUE.fullmatch(value) is not None


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse keys and values that no label can have.

    Raises:
      SluiceError: when a key or a value cannot.
    """
    for key, value in labels.items():
        if not is_label(key, value):
            sentence = f"`{key}={value}` cannot be a label: keys and values take up to 63 of a-z, 0-9, _ and -."
            raise SluiceError(sentence, f"Common keys:  {', '.join(LABELS)}")
