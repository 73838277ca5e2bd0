"""The recipe of a model, and the semantic version that a change of it leads to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.text import shortened
from registry.text import brief

Settings = Mapping[str, Any]
"""Configured values by name, as JSON holds them.

Open, because a recipe compares every key of a section: a key that the pipeline adds becomes a change between two
versions without a change of the registry, and one that an old version has stays readable."""

FIRST = "1.0.0"
_NUMBER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_NAMED = 3  # changes that a reason spells out
_SHOWN = 60  # characters of a value


@dataclass(frozen=True)
class Recipe:
    """What a model was made of, grouped by what a change means for the users of the model.

    `architecture`: module, layers and their connections, features, and the form of a request and a response.
    `hyperparameters`: the values chosen before training, by the Tuner or by hand.
    `rest`: data, code, lock and seed, by name.
    """

    architecture: Settings
    hyperparameters: Settings
    rest: Settings


@dataclass(frozen=True)
class Change:
    """One thing that differs between two recipes."""

    part: str  # "architecture", "hyperparameters" or "rest"
    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.name} {brief(self.before, _SHOWN)} → {brief(self.after, _SHOWN)}"


def is_version(text: str) -> bool:
    """Whether `text` is a number like 1.0.0, and not an alias."""
    return _NUMBER.fullmatch(text) is not None


def numbers_of(version: str) -> tuple[int, int, int]:
    """Major, minor and patch, by which versions sort."""
    found = _NUMBER.fullmatch(version)
    if found is None:
        raise ValueError(f"{version} is not a version like 1.0.0")
    major, minor, patch = (int(number) for number in found.groups())
    return major, minor, patch


def changes_between(old: Recipe, new: Recipe) -> list[Change]:
    """The differences, the gravest part first. Absent and None are the same."""
    parts = ("architecture", "hyperparameters", "rest")
    return [change for part in parts for change in _changes(part, getattr(old, part), getattr(new, part))]


def next_version(latest: str, old: Recipe, new: Recipe) -> tuple[str, str]:
    """The version after `latest`, and the reason in words: major for another architecture, minor for other
    hyperparameters, patch for anything else."""
    major, minor, patch = numbers_of(latest)
    changes = changes_between(old, new)
    for part, word, number in (
        ("architecture", "major", (major + 1, 0, 0)),
        ("hyperparameters", "minor", (major, minor + 1, 0)),
        ("rest", "patch", (major, minor, patch + 1)),
    ):
        found = [str(change) for change in changes if change.part == part]
        if found:
            return _text(number), f"{word}: {shortened(found, _NAMED, between='; ')}"
    return _text((major, minor, patch + 1)), "patch: trained anew from the same data, code and settings"


def _changes(part: str, old: Settings, new: Settings) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if _plain(before) != _plain(after):
            yield Change(part, name, before, after)


def _plain(value: Any) -> str:
    return json.dumps(_by_value(value), sort_keys=True)


def _by_value(value: Any) -> Any:
    """1 for 1.0, at any depth: in a configuration both are the same number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _by_value(each) for key, each in value.items()}
    return [_by_value(each) for each in value] if isinstance(value, (list, tuple)) else value


def _text(number: tuple[int, int, int]) -> str:
    return ".".join(str(each) for each in number)
