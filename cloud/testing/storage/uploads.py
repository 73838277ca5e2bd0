"""The three ways to upload an object: the bytes alone, metadata and bytes in one body, and a session in pieces."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from google.api_core import exceptions

from cloud.testing.messages import Answer, Request
from cloud.testing.storage.objects import ObjectStore, Preconditions, StoredObject, checksums
from cloud.testing.storage.resources import object_resource, preconditions

_CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-(?P<last>\d+)|\*)/(?P<total>\d+|\*)")


@dataclass
class Session:
    """A resumable upload under way."""

    bucket: str
    name: str
    attributes: dict[str, Any]
    expected: Preconditions
    received: bytearray = field(default_factory=bytearray)
    finished: StoredObject | None = None


class Uploads:
    """Uploads into one store. Sessions live as long as the server, as a client may resume after an error."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.sessions: dict[str, Session] = {}

    def insert(self, request: Request, bucket: str) -> Answer:
        """`objects.insert` of the kind that the query's `uploadType` names.

        Raises:
            BadRequest: the kind is unknown or the object has no name.
        """
        kind = request.argument("uploadType")
        if kind == "media":
            attributes = {"contentType": request.headers.get("content-type", "application/octet-stream")}
            return self._write(request, bucket, request.argument("name"), attributes, request.body)
        if kind == "multipart":
            attributes, data = _metadata_and_bytes(request)
            name = str(attributes.get("name") or request.argument("name"))
            return self._write(request, bucket, name, attributes, data)
        if kind == "resumable":
            return self._start(request, bucket)
        raise exceptions.BadRequest(f"Invalid uploadType: {kind!r}")

    def proceed(self, request: Request, session_id: str) -> Answer:
        """The next piece of a session, or with `bytes */N` the question how far it has come: 308 until all is there.

        Raises:
            NotFound: there is no such session.
        """
        session = self.sessions.get(session_id)
        if session is None:
            raise exceptions.NotFound("No such upload session.")
        if session.finished is None:
            total = _append(session, request)
            if total is None or len(session.received) < total:
                return _incomplete(session)
            data = bytes(session.received)
            session.finished = self.store.write(
                session.bucket, session.name, data, session.attributes, session.expected
            )
        return Answer.of(object_resource(session.finished, request.origin))

    def cancel(self, session_id: str) -> Answer:
        """Forgets a session; the service answers 499."""
        self.sessions.pop(session_id, None)
        return Answer(499)

    def _write(self, request: Request, bucket: str, name: str, attributes: dict[str, Any], data: bytes) -> Answer:
        _check_hashes(attributes, data)
        made = self.store.write(bucket, name, data, attributes, preconditions(request))
        return Answer.of(object_resource(made, request.origin))

    def _start(self, request: Request, bucket: str) -> Answer:
        attributes = request.json()
        name = str(attributes.get("name") or request.argument("name"))
        attributes.setdefault("contentType", request.headers.get("x-upload-content-type", "application/octet-stream"))
        self.store.bucket(bucket)
        session_id = uuid.uuid4().hex
        self.sessions[session_id] = Session(bucket, name, attributes, preconditions(request))
        address = f"{request.origin}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={session_id}"
        return Answer(200, headers={"Location": address, "X-GUploader-UploadID": session_id})


def _append(session: Session, request: Request) -> int | None:
    """Takes in the piece; the upload's size where the client knows it."""
    header = request.headers.get("content-range")
    if header is None:
        session.received[:] = request.body
        return len(request.body)
    found = _CONTENT_RANGE.fullmatch(header)
    if found is None:
        raise exceptions.BadRequest(f"Invalid Content-Range: {header!r}")
    if found["first"] is not None:
        first, last = int(found["first"]), int(found["last"])
        if first > len(session.received) or last - first + 1 != len(request.body):
            raise exceptions.BadRequest(f"Invalid request. {header!r} does not follow {len(session.received)} bytes.")
        # A piece may be sent again after a lost answer.
        session.received[first:] = request.body
    return None if found["total"] == "*" else int(found["total"])


def _incomplete(session: Session) -> Answer:
    last = len(session.received) - 1
    return Answer(308, headers={"Range": f"bytes=0-{last}"} if last >= 0 else {})


def _metadata_and_bytes(request: Request) -> tuple[dict[str, Any], bytes]:
    """The two parts of a multipart/related body."""
    boundary = re.search(r'boundary="?([^";]+)"?', request.headers.get("content-type", ""))
    if boundary is None:
        raise exceptions.BadRequest("Multipart body without a boundary.")
    # Split by hand: an email parser would change the line ends of binary data.
    parts = request.body.split(b"--" + boundary[1].encode())
    if len(parts) != 4:
        raise exceptions.BadRequest("Multipart body must have two parts: metadata and media.")
    (_, first), (head, second) = (_head_and_body(part) for part in parts[1:3])
    attributes: dict[str, Any] = json.loads(first)
    attributes.setdefault("contentType", BytesParser(policy=HTTP).parsebytes(head).get_content_type())
    return attributes, second


def _head_and_body(part: bytes) -> tuple[bytes, bytes]:
    """Headers and body of a part, without the line end that belongs to the next boundary."""
    newline = b"\r\n" if part.startswith(b"\r\n") else b"\n"
    head, _, body = part[len(newline) :].partition(newline * 2)
    return head, body[: -len(newline)] if body.endswith(newline) else body


def _check_hashes(attributes: dict[str, Any], data: bytes) -> None:
    """Compares the checksums that the client has sent along.

    Raises:
        BadRequest: they are not those of the bytes that arrived.
    """
    for name, value in checksums(data).items():
        if attributes.get(name, value) != value:
            raise exceptions.BadRequest(
                f"Provided {name} hash {attributes[name]!r} doesn't match calculated {value!r}."
            )
