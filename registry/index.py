"""The index of one model's versions: a JSON file that is always whole, and the forms in which versions are stored."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.atomic_write import write_json
from core.errors import SluiceError
from registry.contents import Contents, contents_of, copy_whole, digest_of
from registry.contract import (
    ARCHIVED,
    CANARY,
    DEPLOYMENT,
    LATEST,
    PRODUCTION,
    ROLLED_BACK,
    STAGE,
    Figure,
    Numbered,
    RegisteredVersion,
    Submission,
)
from registry.recipe import FIRST, Recipe, changes_between, next_version, numbers_of

FORMAT = 1
NOT_OURS = (ValueError, KeyError, TypeError, AttributeError)  # what reading JSON of another shape raises
INDEX_FILE = "index.json"
ENTRY_FILE = "version.json"  # the version's entry beside its files, from which a lost index is made again
_ALIASES = "aliases"
MODEL_FOLDER = "model"  # of a version, with the SavedModel
GRAPH_FILE = "saved_model.pb"
_GRAPH_FILES = {GRAPH_FILE, "fingerprint.pb"}


class OtherFormatError(ValueError):
    """An index that is whole, of a format that is not ours."""


class DamagedIndexError(SluiceError):
    """An index that cannot be read, and can be made again from the versions."""


@dataclass(frozen=True)
class Entry:
    """The stored facts of one version. Only its labels change."""

    version: str
    reason: str
    registered_at: str
    recipe: Recipe
    figures: Mapping[str, Figure]
    contents: Contents  # of every file but the one that holds this entry
    labels: Mapping[str, str]

    @property
    def digest(self) -> str:
        """One hash of all registered files."""
        return digest_of(self.contents)

    def is_of(self, model: Contents, recipe: Recipe) -> bool:
        """Whether this is the same model: the same SavedModel, or the same recipe with the same weights and assets.
        TensorFlow gives the functions of a graph new names in each process, so that the same training twice writes two
        different graph files."""
        within = len(MODEL_FOLDER) + 1
        own = {path[within:]: hashed for path, hashed in self.contents.items() if path.startswith(f"{MODEL_FOLDER}/")}
        if own == model:
            return True
        return not changes_between(self.recipe, recipe) and without_graph(own) == without_graph(model)

    @classmethod
    def of(cls, submission: Submission, numbered: Numbered, registered_at: str, contents: Contents) -> Entry:
        """The entry of a version whose files are complete."""
        return cls(
            version=numbered.version,
            reason=numbered.reason,
            registered_at=registered_at,
            recipe=submission.recipe,
            figures=submission.figures,
            labels=submission.labels,
            contents=contents,
        )

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Entry:
        """The inverse of `dataclasses.asdict`, after JSON."""
        figures = {name: Figure(**figure) for name, figure in plain["figures"].items()}
        own = {name: value for name, value in plain.items() if name != _ALIASES}
        return cls(**{**own, "recipe": Recipe(**plain["recipe"]), "figures": figures})


@dataclass(frozen=True)
class Index:
    """All versions of one model, and its aliases."""

    entries: Mapping[str, Entry] = field(default_factory=dict)  # by version
    aliases: Mapping[str, str] = field(default_factory=dict)  # version by alias; `latest` goes without saying

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Index:
        """The inverse of `to_json`; any error of `NOT_OURS` when `plain` is no index of this format."""
        if plain["format"] != FORMAT:
            raise OtherFormatError(f"its format is {plain['format']}, not {FORMAT}")
        entries = {version: Entry.from_json(entry) for version, entry in plain["versions"].items()}
        return cls(entries, dict(plain["aliases"]))

    def to_json(self) -> dict[str, Any]:
        """The index as plain values."""
        versions = {version: dataclasses.asdict(entry) for version, entry in self.entries.items()}
        return {"format": FORMAT, "versions": versions, "aliases": dict(self.aliases)}

    @property
    def latest(self) -> Entry | None:
        """The version with the highest number."""
        return max(self.entries.values(), key=lambda entry: numbers_of(entry.version), default=None)

    def described(self, version: str) -> dict[str, Any]:
        """The entry of a version and its aliases as plain values; without an entry the aliases alone."""
        entry = self.entries.get(version)
        aliases = sorted(alias for alias, of in self.aliases.items() if of == version)
        return {**(dataclasses.asdict(entry) if entry else {}), _ALIASES: aliases}

    def number(self, submission: Submission, lost: Sequence[Entry]) -> Numbered:
        """The number that a submission has next; `lost`: earlier versions of this very model that have been altered."""
        if self.latest is None:
            version, reason = FIRST, "first version"
        else:
            version, reason = next_version(self.latest.version, self.latest.recipe, submission.recipe)
        if lost:
            reason = f"{reason} ({lost[-1].version} was this very model and has been altered or lost since)"
        return Numbered(submission.model, version, reason)

    def with_entry(self, entry: Entry) -> Index:
        """With this version added, or in place of the one of its number."""
        return dataclasses.replace(self, entries={**self.entries, entry.version: entry})

    def with_alias(self, alias: str, version: str) -> Index:
        """With this alias on this version alone."""
        return dataclasses.replace(self, aliases={**self.aliases, alias: version})

    def with_labels(self, version: str, labels: Mapping[str, str]) -> Index:
        """With these labels of a version set, and those with an empty value removed."""
        entry = self.entries[version]
        kept = {key: value for key, value in {**entry.labels, **labels}.items() if value}
        return self.with_entry(dataclasses.replace(entry, labels=kept))

    def with_deployment(self, version: str, deployment: str) -> Index:
        """With this version in production and the earlier ones archived; unchanged when the deployment is recorded."""
        known = self.entries[version].labels
        # An archived version that is deployed again was rolled back to; one of a rollout has got all traffic now.
        if known.get(DEPLOYMENT) == deployment and known.get(STAGE) not in (ARCHIVED, CANARY, ROLLED_BACK):
            return self
        index = self
        for each, entry in self.entries.items():
            if entry.labels.get(STAGE) == PRODUCTION or self.aliases.get(PRODUCTION) == each:
                index = index.with_labels(each, {STAGE: ARCHIVED})
        labels = {STAGE: PRODUCTION, DEPLOYMENT: deployment}
        return index.with_labels(version, labels).with_alias(PRODUCTION, version)

    def registered_versions(self, model: str, locate: Callable[[str], str]) -> list[RegisteredVersion]:
        """The versions, oldest number first, in the contract's type; `locate` gives the place of a version's files."""
        newest = self.latest.version if self.latest else None
        meant = {**self.aliases, **({LATEST: newest} if newest else {})}
        return [
            RegisteredVersion(
                model=model,
                version=entry.version,
                reason=entry.reason,
                registered_at=entry.registered_at,
                digest=entry.digest,
                recipe=entry.recipe,
                figures=entry.figures,
                location=locate(entry.version),
                aliases=tuple(sorted(alias for alias, version in meant.items() if version == entry.version)),
                labels=entry.labels,
            )
            for entry in sorted(self.entries.values(), key=lambda entry: numbers_of(entry.version))
        ]


def read_index(path: Path) -> Index:
    """The index in a file; an empty one where there is no file.

    Raises:
      SluiceError: when the file is an index of another format. DamagedIndexError: when it is none.
    """
    try:
        return Index.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Index()
    except OtherFormatError as problem:
        raise damaged_index(str(path), problem, move="mv") from problem
    except NOT_OURS as problem:
        refusal = damaged_index(str(path), problem, move="mv")
        raise DamagedIndexError(refusal.headline, refusal.next_command) from problem


def read_entry(path: Path) -> tuple[Entry, Sequence[str]] | None:
    """The entry in a version's own file, and the aliases that it had; None when the file holds none."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return Entry.from_json(plain), list(plain.get(_ALIASES, []))
    except NOT_OURS:
        return None


def write_entries(folder: Path, index: Index, before: Index) -> None:
    """Replaces the files of the versions whose labels or aliases are others than in `before`: with them a lost index
    comes back as it was. Those that lose an alias come first, so that no two have it."""
    changed = [version for version in index.entries if index.described(version) != before.described(version)]
    gain = {each: set(index.described(each)[_ALIASES]) > set(before.described(each)[_ALIASES]) for each in changed}
    for version in sorted(changed, key=gain.__getitem__):
        if (folder / version).is_dir():
            write_json(folder / version / ENTRY_FILE, index.described(version))


def write_index(path: Path, index: Index) -> None:
    """Replaces the file in one step."""
    write_json(path, index.to_json())


def damaged_index(place: str, problem: Exception, move: str) -> SluiceError:
    """The refusal of an index that cannot be read; `move` is the command that renames it."""
    return SluiceError(
        f"{place} is damaged: {_in_words(problem)}.",
        f"Let it be made again from the versions, without aliases:  {move} {place} {place}.damaged",
    )


def altered_version(model: str, version: str, place: str, alteration: str) -> SluiceError:
    """The refusal of a version that is gone (an empty `alteration`) or has this `alteration`."""
    again = "Register it anew by running the pipeline again, or see the others:  python -m registry list"
    if not alteration:
        return SluiceError(f"{model} {version} is in the index, but {place} is gone.", again)
    return SluiceError(f"{model} {version} is not what was registered: {alteration} in {place}.", again)


def put_together(folder: Path, submission: Submission, numbered: Numbered, model: Contents) -> Entry:
    """Writes all files of a version into an empty folder; the copies must have the hashes of the originals, `model`."""
    submission.describe(folder, numbered)
    copy_whole(submission.saved_model, folder / MODEL_FOLDER)
    if contents_of(folder / MODEL_FOLDER) != model:
        raise OSError(f"{folder} does not hold what was copied from {submission.saved_model}: the model changed")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Entry.of(submission, numbered, stamp, contents_of(folder))


def without_graph(model: Contents) -> dict[str, str]:
    """The files of a model but its graph, which TensorFlow writes otherwise in each process."""
    return {path: hashed for path, hashed in model.items() if path not in _GRAPH_FILES}


def _in_words(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}".splitlines()[0].rstrip(".")
