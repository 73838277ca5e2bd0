"""Addresses of images, and an index for several platforms."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.auth.credentials import AnonymousCredentials

from cloud.google_api import GoogleApi
from cloud.preflight.images import ImageAddress, labels_at, pinned

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    ("text", "package", "tag", "digest"),
    [
        ("europe-west4-docker.pkg.dev/p/r/i", "i", "latest", None),
        ("europe-west4-docker.pkg.dev/p/r/a/b:v1.2", "a/b", "v1.2", None),
        (f"us-docker.pkg.dev/p/r/i@{DIGEST}", "i", "latest", DIGEST),
        (f"us-docker.pkg.dev/p/r/i:v1@{DIGEST}", "i", "v1", DIGEST),
    ],
)
def test_an_address_of_artifact_registry_is_read(text: str, package: str, tag: str, digest: str | None) -> None:
    address = ImageAddress.of(text)
    assert address is not None
    assert (address.package, address.tag, address.digest) == (package, tag, digest)


@pytest.mark.parametrize("text", ["gcr.io/p/i:v1", "sluice:latest", "docker.io/library/python", ""])
def test_another_registry_is_none(text: str) -> None:
    assert ImageAddress.of(text) is None
    assert pinned(text, DIGEST) == text


def test_the_digest_takes_the_place_of_the_tag() -> None:
    assert pinned("us-docker.pkg.dev/p/r/a/b:v1", DIGEST) == f"us-docker.pkg.dev/p/r/a/b@{DIGEST}"
    assert pinned("us-docker.pkg.dev/p/r/i:v1", None) == "us-docker.pkg.dev/p/r/i:v1"


DOCUMENTS = {
    "/image/manifests/v1": {
        "manifests": [
            {"digest": "sha256:arm", "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": "sha256:amd", "platform": {"os": "linux", "architecture": "amd64"}},
        ]
    },
    "/image/manifests/sha256:amd": {"config": {"digest": "sha256:config"}},
    "/image/blobs/sha256:config": {"config": {"Labels": {"sluice.code": "c0de"}}},
}


class _Registry(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(DOCUMENTS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/image"
    server.shutdown()
    server.server_close()


def test_of_an_index_the_image_for_the_machines_of_vertex_is_read(registry: str) -> None:
    assert labels_at(registry, "v1", GoogleApi(AnonymousCredentials())) == {"sluice.code": "c0de"}
