"""A folder of a bucket: its objects, read and written with generation preconditions, errors in one sentence."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from pathlib import Path

import google_crc32c
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from core.errors import SluiceError
from core.remote_errors import plain_remote_errors

SCHEME = "gs://"
_BLOCK = 1 << 20


class BucketFolder:
    """Everything below `gs://bucket/folder`. Names are relative to it.

    The client is made at the first request, so that a folder can be named without credentials.

    Raises:
      SluiceError: when the address names no bucket.
    """

    def __init__(self, address: str) -> None:
        """`address`: gs://bucket/folder, or the bucket alone."""
        self.address = address.rstrip("/")
        bucket, _, folder = self.address.removeprefix(SCHEME).partition("/")
        if not self.address.startswith(SCHEME) or not bucket:
            raise SluiceError(f"`{address}` is not the address of a folder in a bucket, such as gs://bucket/folder.")
        self._bucket_name = bucket
        self._prefix = f"{folder}/" if folder else ""

    def read(self, name: str) -> tuple[bytes, int] | None:
        """The content of an object and its generation; None when there is none.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        with plain_remote_errors(self.address):
            blob = self._blob(name)
            try:
                content = blob.download_as_bytes()
            except exceptions.NotFound:
                return None
            return content, int(blob.generation)

    def replace(self, name: str, content: bytes, generation: int) -> bool:
        """Writes an object if its generation is still this one (0: there is none), and returns whether it was.

        A retry of a request whose answer was lost is answered like a change by another writer.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        return self.swap(name, content, generation) is not None

    def swap(self, name: str, content: bytes, generation: int) -> int | None:
        """As `replace`; the new generation, None when another writer was first.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        with plain_remote_errors(self.address):
            blob = self._blob(name)
            try:
                blob.upload_from_string(content, if_generation_match=generation)
            except exceptions.PreconditionFailed:
                return None
            return int(blob.generation)

    def write(self, name: str, content: bytes) -> None:
        """Writes an object, whatever was there.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        with plain_remote_errors(self.address):
            self._blob(name).upload_from_string(content, retry=DEFAULT_RETRY)  # the same again is no harm

    def upload(self, source: Path, name: str) -> str:
        """Uploads a file as an object that must not be there yet, and returns the object's CRC32C.

        Raises:
          SluiceError: when the bucket cannot be used, or what arrived is not the file.
        """
        with plain_remote_errors(self.address):
            blob = self._blob(name)
            try:
                blob.upload_from_filename(str(source), if_generation_match=0, checksum="crc32c")
            except exceptions.PreconditionFailed:
                blob.reload()  # by a first request whose answer was lost; its content is compared below
            if blob.crc32c != crc32c_of(source):
                raise SluiceError(f"{self.address}/{name} does not hold what was uploaded from {source}.", "Try again.")
            return str(blob.crc32c)

    def download(self, name: str, target: Path) -> None:
        """Writes the content of an object to a file, whose folders are made.

        Raises:
          SluiceError: when there is no such object, or the bucket cannot be used.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with plain_remote_errors(f"{self.address}/{name}"):
            self._blob(name).download_to_filename(str(target), checksum="crc32c")

    def checksums(self, folder: str = "") -> dict[str, str]:
        """The CRC32C, in base64, of every object below `folder`, by its name relative to `folder`: one listing.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        return {name: str(blob.crc32c) for name, blob in self._listed(folder)}

    def made(self, folder: str = "") -> dict[str, datetime]:
        """When each object below `folder` was made, by its name relative to `folder`.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        return {name: blob.time_created for name, blob in self._listed(folder)}

    def names_from(self, folder: str, first: str) -> list[str]:
        """The names of the objects below `folder`, relative to it, that do not sort before `first`.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        return [name for name, _ in self._listed(folder, first)]

    def folders(self) -> list[str]:
        """The names of the folders right below, in alphabetical order.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        with plain_remote_errors(f"{SCHEME}{self._bucket_name}"):
            found = self._client.list_blobs(self._bucket_name, prefix=self._prefix, delimiter="/")
            for _ in found.pages:  # the folders are complete when every page was read
                pass
            return sorted(name[len(self._prefix) :].rstrip("/") for name in found.prefixes)

    def delete(self, names: Iterable[str]) -> None:
        """Deletes objects; those that are gone already are no error.

        Raises:
          SluiceError: when the bucket cannot be used.
        """
        with plain_remote_errors(self.address):
            for name in names:
                try:
                    self._blob(name).delete(retry=DEFAULT_RETRY)
                except exceptions.NotFound:
                    continue

    def _listed(self, folder: str, first: str = "") -> list[tuple[str, storage.Blob]]:
        prefix = f"{self._prefix}{folder}/" if folder else self._prefix
        with plain_remote_errors(f"{SCHEME}{self._bucket_name}"):
            found = self._client.list_blobs(self._bucket_name, prefix=prefix, start_offset=f"{prefix}{first}")
            # Consoles make an empty object for a folder; its name ends with a slash.
            return [(blob.name[len(prefix) :], blob) for blob in found if not blob.name.endswith("/")]

    @cached_property
    def _client(self) -> storage.Client:
        return storage.Client()

    def _blob(self, name: str) -> storage.Blob:
        return self._client.bucket(self._bucket_name).blob(f"{self._prefix}{name}")


def crc32c_of(path: Path) -> str:
    """The CRC32C of a file in base64, as Cloud Storage writes it."""
    checksum = google_crc32c.Checksum()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            checksum.update(block)
    return base64.b64encode(checksum.digest()).decode()
