"""Versions in a bucket keep the contract of every folder of versions, and what only a bucket can do to them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud import storage
from tensorflow.io import gfile

from cloud import bucket_versions
from cloud.bucket_versions import BucketVersionFolder
from cloud.testing.cloud import LocalCloud
from core.errors import SluiceError
from serving.version_folder import VersionFolder, copy_folder, fingerprint_of
from tests.contract.test_push_to_folder import VARIABLES, Place, VersionFolderContract, saved_model


class InBucket(Place):
    stopped_push = (
        "from cloud.bucket_folder import BucketFolder as F\n"
        "upload = F.upload\n"
        "F.upload = lambda self, *given: stop() if given[1].endswith('saved_model.pb') else upload(self, *given)"
    )

    def __init__(self, bucket: str, folder: str, environment: Mapping[str, str]) -> None:
        self.address = f"gs://{bucket}/{folder}"
        self.bucket = storage.Client().bucket(bucket)
        self.prefix = f"{folder}/"
        self._environment = environment

    def files(self) -> list[str]:
        found = self.bucket.client.list_blobs(self.bucket, prefix=self.prefix)
        return [blob.name.removeprefix(self.prefix) for blob in found]

    def read(self, name: str) -> bytes:
        return self.bucket.blob(self.prefix + name).download_as_bytes()

    def write(self, name: str, content: bytes) -> None:
        self.bucket.blob(self.prefix + name).upload_from_string(content)

    def delete(self, name: str) -> None:
        for each in self.files():
            if each == name or each.startswith(f"{name}/"):
                self.bucket.blob(self.prefix + each).delete()

    def environment(self) -> Mapping[str, str]:
        return self._environment


class TestBucketVersionFolder(VersionFolderContract):
    """Versions in a bucket of the local server, and the faults that only a bucket can have."""

    @pytest.fixture
    def place(self, cloud: LocalCloud) -> Place:
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, "us-central1")
        return InBucket(bucket, "sluice/serving", cloud.child_environment())

    def test_a_model_in_a_bucket_is_pushed_as_well(self, folder: VersionFolder, place: Place, tmp_path: Path) -> None:
        model = saved_model(tmp_path / "model")
        copy_folder(model, f"{place.address}/artifacts/model")
        push = folder.push(f"{place.address}/artifacts/model", keep=3)
        assert push.fingerprint == fingerprint_of(model) == fingerprint_of(push.path)

    def test_tensorflow_sees_marker_and_version_under_their_addresses(
        self, folder: VersionFolder, tmp_path: Path
    ) -> None:
        push = folder.push(saved_model(tmp_path / "model"), keep=3)
        assert gfile.exists(push.marker)
        assert gfile.isdir(push.path)

    def test_a_push_that_is_at_work_is_left_alone_by_others(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        slow = place.pushing(saved_model(tmp_path / "slow", b"slow"), stopped=True)
        assert slow.stdout is not None
        assert slow.stdout.readline() == "stopped\n"
        try:
            before = [name for name in place.files() if VARIABLES in name]
            folder.push(saved_model(tmp_path / "quick", b"quick"), keep=1)
            assert [name for name in before if name in place.files()] == before != []
        finally:
            slow.kill()
            slow.communicate()

    def test_what_a_killed_push_left_goes_once_it_is_old(
        self, folder: VersionFolder, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.kill_a_push(saved_model(tmp_path / "killed", b"killed"))
        [left] = [name for name in place.files() if VARIABLES in name]
        folder.push(saved_model(tmp_path / "a", b"a"), keep=3)
        assert left in place.files()
        monkeypatch.setattr(bucket_versions, "ABANDONED_AFTER", timedelta(0))
        folder.push(saved_model(tmp_path / "b", b"b"), keep=3)
        number = left.partition("/")[0]
        assert [name for name in place.files() if number in name.split("/")] == []
        assert len(place.served()) == 2

    def test_a_number_that_another_push_took_meanwhile_is_not_given_twice(
        self, folder: VersionFolder, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bucket_versions, "next_number", lambda taken: 17)
        place.write(".pushed/17", b"{}")
        assert folder.push(saved_model(tmp_path / "model"), keep=3).version == 18

    def test_a_push_that_another_one_went_beyond_is_not_marked_newest(
        self, folder: VersionFolder, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert isinstance(folder, BucketVersionFolder)
        bring_in, beyond = BucketVersionFolder._bring_in, []

        def slower(self: BucketVersionFolder, *given: object) -> None:
            monkeypatch.undo()
            beyond.append(BucketVersionFolder(place.address).push(saved_model(tmp_path / "quick", b"quick"), keep=3))
            bring_in(self, *given)  # type: ignore[arg-type]

        monkeypatch.setattr(BucketVersionFolder, "_bring_in", slower)
        push = folder.push(saved_model(tmp_path / "slow", b"slow"), keep=3)
        assert beyond[0].version > push.version
        assert place.served() == [push.version, beyond[0].version]
        assert place.marked() == [f".newest/{beyond[0].version}"]

    def test_a_model_that_changes_while_it_is_pushed_is_never_served(
        self, folder: VersionFolder, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = saved_model(tmp_path / "model")
        claimed = BucketVersionFolder._claimed

        def changed_meanwhile(self: BucketVersionFolder, *given: object) -> int:
            Path(model, "saved_model.pb").write_bytes(b"")
            return claimed(self, *given)  # type: ignore[arg-type]

        monkeypatch.setattr(BucketVersionFolder, "_claimed", changed_meanwhile)
        with pytest.raises(OSError, match="disk full, or the model changed"):
            folder.push(model, keep=3)
        assert place.served() == []
        assert [name for name in place.files() if name[0] != "."] == []

    @pytest.mark.parametrize("error", [exceptions.ServiceUnavailable("later"), exceptions.TooManyRequests("slower")])
    def test_a_server_that_fails_for_a_moment_is_tried_again(
        self, folder: VersionFolder, cloud: LocalCloud, tmp_path: Path, error: exceptions.GoogleAPICallError
    ) -> None:
        for method in ("storage.objects.list", "storage.objects.create", "storage.objects.delete"):
            cloud.faults.fail_next(error, method)
        assert folder.push(saved_model(tmp_path / "model"), keep=3).is_new

    def test_a_refused_write_is_one_sentence_and_nothing_is_served(
        self, folder: VersionFolder, place: Place, cloud: LocalCloud, tmp_path: Path
    ) -> None:
        cloud.faults.fail_next(exceptions.Forbidden("no storage.objects.create access"), "storage.objects.create")
        with pytest.raises(SluiceError, match=r"may not read or write gs://.*storage.objects.create"):
            folder.push(saved_model(tmp_path / "model"), keep=3)
        assert place.served() == []


@pytest.mark.gcp
class TestBucketVersionFolderInRealStorage(VersionFolderContract):
    """The same contract in the tester's bucket."""

    @pytest.fixture
    def place(self, gcp) -> Iterator[Place]:
        place = InBucket(gcp.bucket, f"sluice-tests/{uuid.uuid4().hex}", os.environ)
        yield place
        for name in place.files():
            place.delete(name)
