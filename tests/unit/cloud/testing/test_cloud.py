"""The local cloud as a whole: what goes through its proxy, where it leads clients, and that it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage

from cloud.testing.certificates import Authority
from cloud.testing.cloud import LocalCloud
from tests.samples.folders import ROOT


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as cloud, cloud.applied():
        yield cloud


def test_every_other_host_is_refused_and_remembered(cloud: LocalCloud) -> None:
    for address in (
        "https://example.com/",
        "https://spanner.googleapis.com/",
        "https://mars-aiplatform.googleapis.com/",
    ):
        with pytest.raises(requests.exceptions.ProxyError, match="403"):
            requests.get(address, timeout=10)
    assert requests.get("http://example.com/", timeout=10).status_code == 403
    assert cloud.proxy.refused == [
        "example.com:443",
        "spanner.googleapis.com:443",
        "mars-aiplatform.googleapis.com:443",
        "example.com:80",
    ]


def test_the_metadata_server_answers_without_a_token(cloud: LocalCloud) -> None:
    address = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
    token = requests.get(address, headers={"Metadata-Flavor": "Google"}, timeout=10).json()["access_token"]
    assert cloud.tokens.caller(f"Bearer {token}") == cloud.tokens.email


def test_a_certificate_of_another_authority_is_not_trusted(cloud: LocalCloud, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(Authority("other").pem)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get("https://storage.googleapis.com/storage/v1/b", verify=str(tmp_path / "other.pem"), timeout=10)


def test_a_missing_right_is_refused_where_it_is_needed(cloud: LocalCloud) -> None:
    bucket = storage.Client().create_bucket("rights", location="us-central1")
    cloud.access.deny("storage.objects.create", "buckets/rights")
    with pytest.raises(exceptions.Forbidden, match=r"storage\.objects\.create"):
        bucket.blob("x").upload_from_string(b"")
    assert bucket.test_iam_permissions(["storage.objects.create", "storage.objects.get"]) == ["storage.objects.get"]


def test_a_client_outlives_an_outage(cloud: LocalCloud) -> None:
    bucket = storage.Client().create_bucket("outage", location="us-central1")
    bucket.blob("x").upload_from_string(b"data")
    cloud.faults.fail_next(exceptions.ServiceUnavailable("Try again."), "storage.objects.get", times=1)
    assert bucket.blob("x").exists()
    assert cloud.faults.calls.count("storage.objects.get") == 2


def test_objects_in_a_folder_outlive_the_cloud(tmp_path: Path) -> None:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    with LocalCloud(folder=tmp_path) as first, first.applied():
        bucket = storage.Client().create_bucket(name, location="europe-west4")
        for blob, data in (("a", b"1"), ("a/b", b"2"), ("gone", b"3"), ("x" * 900, b"4")):
            bucket.blob(blob).upload_from_string(data)
        bucket.blob("gone").delete()
        generation = bucket.get_blob("a").generation
    with LocalCloud(folder=tmp_path) as second, second.applied():
        bucket = storage.Client().get_bucket(name)
        assert bucket.location == "EUROPE-WEST4"
        assert {blob.name: blob.download_as_bytes() for blob in bucket.list_blobs()} == {
            "a": b"1",
            "a/b": b"2",
            "x" * 900: b"4",
        }
        bucket.blob("a").upload_from_string(b"5", if_generation_match=generation)
        assert bucket.get_blob("a").generation > generation


def test_the_environment_is_as_before_once_it_was_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://elsewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://theirs")
    before = dict(os.environ)
    with LocalCloud() as cloud:
        with cloud.applied():
            assert "STORAGE_EMULATOR_HOST" not in os.environ
            assert os.environ["HTTPS_PROXY"].startswith("http://127.0.0.1:")
        assert dict(os.environ) == before
        assert "STORAGE_EMULATOR_HOST" not in cloud.child_environment()


def test_every_port_is_closed_at_the_end_and_the_key_is_gone() -> None:
    with LocalCloud() as cloud:
        ports = [int(address.rpartition(":")[2]) for address in (cloud.storage_address, cloud.vertex_address)]
        ports.append(cloud.proxy.port)
        credentials = Path(cloud.environment["GOOGLE_APPLICATION_CREDENTIALS"])
        assert credentials.stat().st_mode & 0o077 == 0
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    assert not credentials.exists()


def test_a_connection_that_a_client_has_kept_ends_with_the_cloud() -> None:
    with requests.Session() as session:
        with LocalCloud() as cloud:
            address = f"{cloud.storage_address}/storage/v1/b"
            assert session.get(address, timeout=5).status_code == 200
        with pytest.raises(requests.exceptions.ConnectionError):
            session.get(address, timeout=5)


def test_it_runs_by_hand_for_clients_in_other_processes(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "cloud.testing", "--bucket", "by-hand"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        lines = []
        while not (line := server.stdout.readline()).startswith("#"):
            assert line.startswith("export "), line
            lines.append(line.removeprefix("export ").strip().split("=", 1))
        client = (
            "from google.cloud import storage; import requests\n"
            "print([each.name for each in storage.Client().list_buckets()])\n"
            "print(requests.get('http://example.com').status_code)"
        )
        environment = {**os.environ, **dict(lines)}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", client],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert done.stdout.splitlines() == ["['by-hand']", "403"]
        server.send_signal(signal.SIGTERM)
        assert server.stdout.read().splitlines() == ["# Refused: example.com:80"]
    assert server.returncode == 0
