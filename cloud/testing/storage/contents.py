"""Where the bytes of objects lie: in memory, or in a folder that outlives the server."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Contents(ABC):
    """Bytes and a JSON document for each object; a bucket is such a pair, too, with the empty name and no bytes."""

    @abstractmethod
    def write(self, bucket: str, name: str, document: dict[str, Any], data: bytes | None) -> None:
        """Keeps a document, and the bytes unless None (then those that are there stay)."""

    @abstractmethod
    def read(self, bucket: str, name: str) -> bytes:
        """The bytes of an object that is there."""

    @abstractmethod
    def delete(self, bucket: str, name: str) -> None:
        """Forgets an object that is there."""

    @abstractmethod
    def documents(self) -> Iterator[dict[str, Any]]:
        """Every document that an earlier server left."""


class MemoryContents(Contents):
    """Ends with the server."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, str], bytes] = {}

    def write(self, bucket: str, name: str, document: dict[str, Any], data: bytes | None) -> None:
        """Keeps the bytes; the document is kept by the caller, in memory as well."""
        del document
        if data is not None:
            self._data[bucket, name] = data

    def read(self, bucket: str, name: str) -> bytes:
        """The bytes of an object that is there."""
        return self._data[bucket, name]

    def delete(self, bucket: str, name: str) -> None:
        """Forgets an object; a bucket has no bytes to forget."""
        self._data.pop((bucket, name), None)

    def documents(self) -> Iterator[dict[str, Any]]:
        """Nothing: memory starts empty."""
        return iter(())


class FolderContents(Contents):
    """Two files an object, named by the hash of its name: `a` and `a/b` may both be objects, and names may be long."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, bucket: str, name: str, document: dict[str, Any], data: bytes | None) -> None:
        """Writes the bytes before the document: an object is there once its document is."""
        path = self._path(bucket, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if data is not None:
            _replace(path.with_suffix(".data"), data)
        _replace(path.with_suffix(".json"), json.dumps(document).encode())

    def read(self, bucket: str, name: str) -> bytes:
        """The bytes of an object that is there."""
        return self._path(bucket, name).with_suffix(".data").read_bytes()

    def delete(self, bucket: str, name: str) -> None:
        """Deletes the document before the bytes."""
        path = self._path(bucket, name)
        path.with_suffix(".json").unlink()
        path.with_suffix(".data").unlink(missing_ok=True)

    def documents(self) -> Iterator[dict[str, Any]]:
        """Every document in the folder."""
        for path in sorted(self.folder.glob("*/*.json")):
            yield json.loads(path.read_text())

    def _path(self, bucket: str, name: str) -> Path:
        return self.folder / bucket / hashlib.sha256(name.encode()).hexdigest()


def _replace(path: Path, data: bytes) -> None:
    incoming = path.with_name(f".{path.name}")
    incoming.write_bytes(data)
    incoming.replace(path)
