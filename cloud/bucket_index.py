"""The index of one model's versions in a bucket: the registry's index, and where the files of each version lie."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.contents import difference
from registry.index import NOT_OURS, Entry, Index

FILES = "files"


@dataclass(frozen=True)
class StoredFiles:
    """The files of a version: the name of their folder, and the CRC32C that Cloud Storage keeps of each, by path."""

    folder: str
    checksums: Mapping[str, str]

    def alteration(self, found: Mapping[str, str]) -> str:
        """How the checksums `found` in the bucket differ, in words; empty when they do not."""
        return difference(self.checksums, found) if found else "the folder is gone"


@dataclass(frozen=True)
class BucketIndex:
    """All versions of one model, as an object of `generation` holds them; generation 0: there is no such object."""

    index: Index = field(default_factory=Index)
    files: Mapping[str, StoredFiles] = field(default_factory=dict)  # by version
    generation: int = 0

    def with_version(self, entry: Entry, files: StoredFiles) -> BucketIndex:
        """With this version added."""
        return dataclasses.replace(self, index=self.index.with_entry(entry), files={**self.files, entry.version: files})

    def edited(self, edit: Callable[[Index], Index]) -> BucketIndex:
        """With the registry's index edited; the very same object when `edit` changes nothing."""
        changed = edit(self.index)
        return self if changed is self.index else dataclasses.replace(self, index=changed)

    @classmethod
    def loads(cls, content: bytes, generation: int) -> BucketIndex:
        """The inverse of `dumps`; any error of `registry.index.NOT_OURS` when `content` is no such index."""
        plain = json.loads(content)
        index, files = Index.from_json(plain), {name: StoredFiles(**each) for name, each in plain[FILES].items()}
        if set(files) != set(index.entries):
            raise ValueError("a version has no files")
        return cls(index, files, generation)

    def dumps(self) -> bytes:
        """The content of `index.json`."""
        files = {version: dataclasses.asdict(each) for version, each in self.files.items()}
        return _json({**self.index.to_json(), FILES: files})


def dump_entry(entry: Entry, files: StoredFiles) -> bytes:
    """The content of a version's own file, from which a lost index is made again."""
    return _json({"entry": dataclasses.asdict(entry), FILES: dataclasses.asdict(files)})


def load_entry(content: bytes) -> tuple[Entry, StoredFiles] | None:
    """The inverse of `dump_entry`; None when the file holds no entry."""
    try:
        plain = json.loads(content)
        return Entry.from_json(plain["entry"]), StoredFiles(**plain[FILES])
    except NOT_OURS:
        return None


def _json(plain: Any) -> bytes:
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False).encode()
