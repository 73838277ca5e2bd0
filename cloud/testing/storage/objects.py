"""Buckets, objects, generations and preconditions: what Cloud Storage promises, apart from the form of a request."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import google_crc32c
from google.api_core import exceptions

from cloud.testing.storage.contents import Contents, FolderContents, MemoryContents

# Attributes of an object that a client may set; whatever else it sends is refused or is the server's to say.
SETTABLE = ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType", "metadata")

MULTI_REGIONS = {"US", "EU", "ASIA"}


@dataclass(frozen=True)
class Preconditions:
    """The generation that a request expects; generation 0 stands for "not there"."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    def check(self, generation: int, metageneration: int) -> None:
        """Does nothing when what is there is what was expected.

        Raises:
            PreconditionFailed: it is not (412).
        """
        expected = (
            self.generation_match in (None, generation)
            and self.generation_not_match != generation
            and self.metageneration_match in (None, metageneration)
            and self.metageneration_not_match != metageneration
        )
        if not expected:
            raise exceptions.PreconditionFailed("At least one of the pre-conditions you specified did not hold.")


@dataclass(frozen=True)
class Bucket:
    """A bucket's metadata."""

    name: str
    location: str = "US-CENTRAL1"
    project_number: str = "123456789012"
    created: str = field(default_factory=lambda: _now())

    @property
    def location_type(self) -> str:
        """`multi-region` or `region`, as the service derives it from the location."""
        return "multi-region" if self.location in MULTI_REGIONS else "region"


@dataclass(frozen=True)
class StoredObject:
    """An object's metadata; its size in bytes, its checksums by name."""

    bucket: str
    name: str
    generation: int
    metageneration: int
    size: int
    checksums: Mapping[str, str]
    created: str
    updated: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class ObjectStore:
    """All buckets. Each call is atomic, as on the service: a reader sees the old object or the new one."""

    def __init__(self, folder: Path | None = None) -> None:
        self.contents: Contents = FolderContents(folder) if folder else MemoryContents()
        self._buckets: dict[str, Bucket] = {}
        self._objects: dict[str, dict[str, StoredObject]] = {}
        self._generation = 0
        self._lock = threading.RLock()
        for document in self.contents.documents():
            self._remember(document)

    def _remember(self, document: dict[str, Any]) -> None:
        if "generation" in document:
            loaded = StoredObject(**document)
            self._objects.setdefault(loaded.bucket, {})[loaded.name] = loaded
            self._generation = max(self._generation, loaded.generation)
        else:
            self._buckets[document["name"]] = Bucket(**document)
            self._objects.setdefault(document["name"], {})

    def create_bucket(self, name: str, location: str = "US") -> Bucket:
        """Makes an empty bucket.

        Raises:
            Conflict: it is there already.
        """
        with self._lock:
            if name in self._buckets:
                raise exceptions.Conflict(f"Your previous request to create the named bucket '{name}' succeeded.")
            self._buckets[name] = bucket = Bucket(name, location.upper())
            self._objects[name] = {}
            self.contents.write(name, "", asdict(bucket), None)
            return bucket

    def bucket(self, name: str) -> Bucket:
        """A bucket.

        Raises:
            NotFound: there is none.
        """
        with self._lock:
            if name not in self._buckets:
                raise exceptions.NotFound("The specified bucket does not exist.")
            return self._buckets[name]

    def buckets(self) -> list[Bucket]:
        """Every bucket, by name."""
        with self._lock:
            return [self._buckets[name] for name in sorted(self._buckets)]

    def delete_bucket(self, name: str) -> None:
        """Deletes an empty bucket.

        Raises:
            Conflict: it holds objects.
        """
        with self._lock:
            self.bucket(name)
            if self._objects[name]:
                raise exceptions.Conflict("The bucket you tried to delete is not empty.")
            del self._buckets[name], self._objects[name]
            self.contents.delete(name, "")

    def objects(self, bucket: str) -> list[StoredObject]:
        """Every object of a bucket, by name in the order of its UTF-8 bytes."""
        with self._lock:
            self.bucket(bucket)
            return sorted(self._objects[bucket].values(), key=lambda each: each.name.encode())

    def find(self, bucket: str, name: str, generation: int | None = None) -> StoredObject:
        """An object's metadata.

        Raises:
            NotFound: there is none of that name, or it has another generation (old ones are not kept here).
        """
        with self._lock:
            self.bucket(bucket)
            found = self._objects[bucket].get(name)
            if found is None or generation not in (None, found.generation):
                raise exceptions.NotFound(f"No such object: {bucket}/{name}")
            return found

    def read(
        self, bucket: str, name: str, generation: int | None = None, expected: Preconditions = Preconditions()
    ) -> tuple[StoredObject, bytes]:
        """An object with its bytes.

        Raises:
            PreconditionFailed: it is not the expected one.
        """
        with self._lock:
            found = self.find(bucket, name, generation)
            expected.check(found.generation, found.metageneration)
            return found, self.contents.read(bucket, name)

    def write(
        self,
        bucket: str,
        name: str,
        data: bytes,
        attributes: Mapping[str, Any] | None = None,
        expected: Preconditions = Preconditions(),
    ) -> StoredObject:
        """Writes an object as a whole, in place of the one that is there.

        Raises:
            PreconditionFailed: what is there is not what was expected.
            BadRequest: the name is empty or longer than 1024 bytes.
        """
        if not 0 < len(name.encode()) <= 1024:
            raise exceptions.BadRequest("The object name is empty or longer than 1024 bytes.")
        with self._lock:
            self._check_expected(bucket, name, expected)
            self._generation = max(self._generation + 1, int(datetime.now(timezone.utc).timestamp() * 1_000_000))
            now = _now()
            made = StoredObject(
                bucket=bucket,
                name=name,
                generation=self._generation,
                metageneration=1,
                size=len(data),
                checksums=checksums(data),
                created=now,
                updated=now,
                attributes={key: value for key, value in (attributes or {}).items() if key in SETTABLE},
            )
            return self._keep(made, data)

    def change(self, bucket: str, name: str, attributes: Mapping[str, Any], expected: Preconditions) -> StoredObject:
        """Changes attributes of an object; None takes one away."""
        with self._lock:
            found = self.find(bucket, name)
            expected.check(found.generation, found.metageneration)
            merged = {**found.attributes, **attributes}
            kept = {key: value for key, value in merged.items() if key in SETTABLE and value is not None}
            metageneration = found.metageneration + 1
            return self._keep(replace(found, attributes=kept, metageneration=metageneration, updated=_now()), None)

    def delete(
        self, bucket: str, name: str, generation: int | None = None, expected: Preconditions = Preconditions()
    ) -> None:
        """Deletes an object for good.

        Raises:
            PreconditionFailed: it is not the expected one.
        """
        with self._lock:
            found = self.find(bucket, name, generation)
            expected.check(found.generation, found.metageneration)
            del self._objects[bucket][name]
            self.contents.delete(bucket, name)

    def _check_expected(self, bucket: str, name: str, expected: Preconditions) -> None:
        self.bucket(bucket)
        there = self._objects[bucket].get(name)
        expected.check(there.generation if there else 0, there.metageneration if there else 0)

    def _keep(self, item: StoredObject, data: bytes | None) -> StoredObject:
        self.contents.write(item.bucket, item.name, asdict(item), data)
        self._objects[item.bucket][item.name] = item
        return item


def checksums(data: bytes) -> dict[str, str]:
    """The two hashes that an object carries, by their names in its metadata, in base64."""
    crc32c = google_crc32c.value(data).to_bytes(4, "big")
    return {"md5Hash": _base64(hashlib.md5(data).digest()), "crc32c": _base64(crc32c)}


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
