"""Resumable uploads survive lost answers, and checksums are compared."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from google.api_core import exceptions

from cloud.testing.messages import Request
from cloud.testing.storage.objects import ObjectStore, checksums
from cloud.testing.storage.uploads import Uploads


@pytest.fixture
def uploads() -> Uploads:
    store = ObjectStore()
    store.create_bucket("b")
    return Uploads(store)


def started(uploads: Uploads) -> str:
    query = {"uploadType": ["resumable"], "name": ["x"]}
    address = uploads.insert(Request("POST", "/", query), "b").headers["Location"]
    return address.rpartition("upload_id=")[2]


def piece(content_range: str, body: bytes = b"") -> Request:
    return Request("PUT", "/", headers={"content-range": content_range}, body=body)


def test_a_piece_that_is_sent_again_counts_once(uploads: Uploads) -> None:
    session = started(uploads)
    for _ in range(2):
        answer = uploads.proceed(piece("bytes 0-2/*", b"abc"), session)
        assert (answer.status, answer.headers) == (308, {"Range": "bytes=0-2"})
    assert uploads.proceed(piece("bytes */5"), session).headers == {"Range": "bytes=0-2"}
    assert uploads.proceed(piece("bytes 3-4/5", b"de"), session).status == 200
    # The answer was lost: the client asks, and is told that all is there.
    assert uploads.proceed(piece("bytes */5"), session).status == 200
    assert uploads.store.read("b", "x")[1] == b"abcde"


def test_nothing_is_there_before_the_last_piece(uploads: Uploads) -> None:
    session = started(uploads)
    uploads.proceed(piece("bytes 0-2/5", b"abc"), session)
    assert uploads.store.objects("b") == []


@pytest.mark.parametrize("header", ["bytes 4-5/*", "bytes 0-5/*", "bytes x", "0-1/2"])
def test_refuses_a_piece_that_does_not_follow(uploads: Uploads, header: str) -> None:
    with pytest.raises(exceptions.BadRequest):
        uploads.proceed(piece(header, b"de"), started(uploads))


def test_an_empty_object_needs_no_piece(uploads: Uploads) -> None:
    assert uploads.proceed(piece("bytes */0"), started(uploads)).status == 200
    assert uploads.store.read("b", "x")[1] == b""


def test_a_cancelled_session_is_gone(uploads: Uploads) -> None:
    session = started(uploads)
    assert uploads.cancel(session).status == 499
    with pytest.raises(exceptions.NotFound):
        uploads.proceed(piece("bytes */0"), session)


def test_refuses_bytes_that_are_not_those_of_the_checksum(uploads: Uploads) -> None:
    def body(data: bytes, claimed: bytes) -> Request:
        metadata = json.dumps({"name": "x", **checksums(claimed)}).encode()
        parts = (
            b"--=B\r\nContent-Type: application/json\r\n\r\n" + metadata,
            b"--=B\r\nContent-Type: a/b\r\n\r\n" + data,
        )
        content = b"\r\n".join([*parts, b"--=B--"])
        headers = {"content-type": 'multipart/related; boundary="=B"'}
        return replace(Request("POST", "/", {"uploadType": ["multipart"]}, headers), body=content)

    with pytest.raises(exceptions.BadRequest, match="doesn't match"):
        uploads.insert(body(b"data", b"other"), "b")
    uploads.insert(body(b"data\r\n", b"data\r\n"), "b")
    assert uploads.store.read("b", "x")[1] == b"data\r\n"
