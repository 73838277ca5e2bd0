"""What every reader and writer of gs:// is promised: by the local server and, with `-m gcp`, by Cloud Storage."""

from __future__ import annotations

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator

import pytest
from apache_beam.io.filesystems import FileSystems
from google.api_core import exceptions
from google.cloud import storage
from tensorflow.io import gfile

from cloud.testing.cloud import LocalCloud

PIECE = 256 * 1024
# What has a meaning in a path, a query or a pattern, and what is not ASCII.
AWKWARD = "a b+c%2F#d?e&f=g:h@ü€.txt"


class Files(ABC):
    """One client's way to files below an address `gs://…/…` (no slash at its end)."""

    @abstractmethod
    def write(self, address: str, data: bytes) -> None: ...

    @abstractmethod
    def read(self, address: str) -> bytes: ...

    @abstractmethod
    def read_range(self, address: str, first: int, size: int) -> bytes: ...

    @abstractmethod
    def exists(self, address: str) -> bool: ...

    @abstractmethod
    def below(self, address: str) -> list[str]:
        """The address of every file below, at whatever depth, in order."""

    @abstractmethod
    def copy(self, source: str, target: str) -> None: ...

    @abstractmethod
    def delete_all(self, address: str) -> None: ...


class TensorFlowFiles(Files):
    def write(self, address: str, data: bytes) -> None:
        with gfile.GFile(address, "wb") as file:
            file.write(data)

    def read(self, address: str) -> bytes:
        return gfile.GFile(address, "rb").read()

    def read_range(self, address: str, first: int, size: int) -> bytes:
        with gfile.GFile(address, "rb") as file:
            file.seek(first)
            return file.read(size)

    def exists(self, address: str) -> bool:
        return gfile.exists(address)

    def below(self, address: str) -> list[str]:
        walked = gfile.walk(address)
        return sorted(f"{folder.rstrip('/')}/{name}" for folder, _, names in walked for name in names)

    def copy(self, source: str, target: str) -> None:
        gfile.copy(source, target)

    def delete_all(self, address: str) -> None:
        gfile.rmtree(address)


class BeamFiles(Files):
    def write(self, address: str, data: bytes) -> None:
        with FileSystems.create(address) as file:
            file.write(data)

    def read(self, address: str) -> bytes:
        with FileSystems.open(address) as file:
            return file.read()

    def read_range(self, address: str, first: int, size: int) -> bytes:
        with FileSystems.open(address) as file:
            file.seek(first)
            return file.read(size)

    def exists(self, address: str) -> bool:
        return FileSystems.exists(address)

    def below(self, address: str) -> list[str]:
        return sorted(each.path for each in FileSystems.match([f"{address}/**"])[0].metadata_list)

    def copy(self, source: str, target: str) -> None:
        FileSystems.copy([source], [target])

    def delete_all(self, address: str) -> None:
        FileSystems.delete(self.below(address))


class GoogleFiles(Files):
    def __init__(self) -> None:
        self.client = storage.Client()

    def write(self, address: str, data: bytes) -> None:
        self._blob(address).upload_from_string(data)

    def read(self, address: str) -> bytes:
        return self._blob(address).download_as_bytes()

    def read_range(self, address: str, first: int, size: int) -> bytes:
        return self._blob(address).download_as_bytes(start=first, end=first + size - 1)

    def exists(self, address: str) -> bool:
        return self._blob(address).exists()

    def below(self, address: str) -> list[str]:
        bucket, _, folder = address.removeprefix("gs://").partition("/")
        return [f"gs://{bucket}/{each.name}" for each in self.client.list_blobs(bucket, prefix=f"{folder}/")]

    def copy(self, source: str, target: str) -> None:
        blob, other = self._blob(source), self._blob(target)
        blob.bucket.copy_blob(blob, other.bucket, other.name)

    def delete_all(self, address: str) -> None:
        found = self.below(address)
        with self.client.batch():
            for each in found:
                self._blob(each).delete()

    def _blob(self, address: str) -> storage.Blob:
        return storage.Blob.from_string(address, self.client)


class FilesContract(ABC):
    """Subclasses give `files` and `folder` and inherit each test."""

    @pytest.fixture
    @abstractmethod
    def files(self) -> Files: ...

    @pytest.fixture
    @abstractmethod
    def folder(self) -> str: ...

    @pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, 3 * PIECE + 7])
    def test_what_was_written_is_read(self, files: Files, folder: str, size: int) -> None:
        data = bytes(range(256)) * (size // 256 + 1)
        files.write(f"{folder}/file", data[:size])
        assert files.read(f"{folder}/file") == data[:size]

    def test_line_ends_and_zero_bytes_arrive_as_they_are(self, files: Files, folder: str) -> None:
        data = b"\r\n--\r\n\n\x00\xff\r\n"
        files.write(f"{folder}/file", data)
        assert files.read(f"{folder}/file") == data

    def test_a_second_write_replaces_the_first(self, files: Files, folder: str) -> None:
        files.write(f"{folder}/file", b"the first, which is longer")
        files.write(f"{folder}/file", b"the second")
        assert files.read(f"{folder}/file") == b"the second"

    def test_a_part_is_read_alone(self, files: Files, folder: str) -> None:
        files.write(f"{folder}/file", b"0123456789")
        assert files.read_range(f"{folder}/file", 3, 4) == b"3456"

    def test_a_file_is_there_once_it_is_written(self, files: Files, folder: str) -> None:
        assert not files.exists(f"{folder}/file")
        files.write(f"{folder}/file", b"data")
        assert files.exists(f"{folder}/file")
        assert not files.exists(f"{folder}/fil")

    def test_reading_what_is_not_there_is_an_error(self, files: Files, folder: str) -> None:
        with pytest.raises(Exception, match=r"No such object|doesn't exist|does not exist|404|not found"):
            files.read(f"{folder}/absent")

    def test_a_folder_lists_what_lies_below(self, files: Files, folder: str) -> None:
        names = ["a", "b/c", "b/d/e", "b2"]
        for name in names:
            files.write(f"{folder}/{name}", name.encode())
        assert files.below(folder) == [f"{folder}/{name}" for name in names]
        assert files.below(f"{folder}/b") == [f"{folder}/b/c", f"{folder}/b/d/e"]

    def test_a_copy_is_a_file_of_its_own(self, files: Files, folder: str) -> None:
        files.write(f"{folder}/file", b"data")
        files.copy(f"{folder}/file", f"{folder}/copies/copy")
        files.write(f"{folder}/file", b"changed")
        assert files.read(f"{folder}/copies/copy") == b"data"

    def test_a_folder_is_deleted_with_all_that_lies_below(self, files: Files, folder: str) -> None:
        for name in ("going/a", "going/b/c", "staying"):
            files.write(f"{folder}/{name}", b"data")
        files.delete_all(f"{folder}/going")
        assert files.below(folder) == [f"{folder}/staying"]

    def test_any_character_may_stand_in_a_name(self, files: Files, folder: str) -> None:
        files.write(f"{folder}/{AWKWARD}", b"data")
        assert files.read(f"{folder}/{AWKWARD}") == b"data"
        assert files.below(folder) == [f"{folder}/{AWKWARD}"]


class TensorFlowContract(FilesContract):
    """The same, and what Transform and the exports do beyond it."""

    def test_a_folder_is_renamed_with_all_that_lies_below(self, files: Files, folder: str) -> None:
        for name in ("before/a", "before/b/c"):
            files.write(f"{folder}/{name}", name.encode())
        gfile.rename(f"{folder}/before", f"{folder}/after")
        assert files.below(folder) == [f"{folder}/after/a", f"{folder}/after/b/c"]


class InLocalStorage:
    """A new folder in a bucket of the local server."""

    @pytest.fixture
    def folder(self, cloud: LocalCloud) -> str:
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, "us-central1")
        return f"gs://{bucket}/tests"


class TestTensorFlowInLocalStorage(InLocalStorage, TensorFlowContract):
    @pytest.fixture
    def files(self, cloud: LocalCloud) -> Files:
        return TensorFlowFiles()


class TestBeamInLocalStorage(InLocalStorage, FilesContract):
    @pytest.fixture
    def files(self, cloud: LocalCloud) -> Files:
        return BeamFiles()


class TestBeamInLocalStorageAsAnEmulator(InLocalStorage, FilesContract):
    @pytest.fixture
    def files(self, cloud: LocalCloud) -> Files:
        os.environ["STORAGE_EMULATOR_HOST"] = cloud.storage_address
        return BeamFiles()


class TestGoogleClientInLocalStorage(InLocalStorage, FilesContract):
    @pytest.fixture
    def files(self, cloud: LocalCloud) -> Files:
        return GoogleFiles()


class InRealStorage:
    """A new folder in the tester's bucket, emptied afterwards."""

    @pytest.fixture
    def folder(self, gcp) -> Iterator[str]:
        folder = f"gs://{gcp.bucket}/sluice-tests/{uuid.uuid4().hex}"
        yield folder
        GoogleFiles().delete_all(folder)


@pytest.mark.gcp
class TestTensorFlowInRealStorage(InRealStorage, TensorFlowContract):
    @pytest.fixture
    def files(self, gcp) -> Files:
        return TensorFlowFiles()


@pytest.mark.gcp
class TestBeamInRealStorage(InRealStorage, FilesContract):
    @pytest.fixture
    def files(self, gcp) -> Files:
        return BeamFiles()


@pytest.mark.gcp
class TestGoogleClientInRealStorage(InRealStorage, FilesContract):
    @pytest.fixture
    def files(self, gcp) -> Files:
        return GoogleFiles()


class ObjectsContract(ABC):
    """What Cloud Storage promises beyond files. Subclasses give `bucket` and `prefix` and inherit each test."""

    @pytest.fixture
    @abstractmethod
    def bucket(self) -> storage.Bucket: ...

    @pytest.fixture
    def prefix(self) -> str:
        return f"sluice-tests/{uuid.uuid4().hex}/"

    def test_an_object_that_must_not_be_there_yet_is_written_once(self, bucket: storage.Bucket, prefix: str) -> None:
        blob = bucket.blob(f"{prefix}lock")
        blob.upload_from_string(b"mine", if_generation_match=0)
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob(blob.name).upload_from_string(b"theirs", if_generation_match=0)
        assert blob.download_as_bytes() == b"mine"

    def test_a_write_against_a_generation_that_has_passed_is_refused(self, bucket: storage.Bucket, prefix: str) -> None:
        blob = bucket.blob(f"{prefix}pointer")
        blob.upload_from_string(b"1")
        seen = blob.generation
        blob.upload_from_string(b"2", if_generation_match=seen)
        assert blob.generation > seen
        for refused in (
            lambda: bucket.blob(blob.name).upload_from_string(b"3", if_generation_match=seen),
            lambda: bucket.blob(blob.name).delete(if_generation_match=seen),
            lambda: bucket.copy_blob(blob, bucket, f"{prefix}copy", if_source_generation_match=seen),
        ):
            with pytest.raises(exceptions.PreconditionFailed):
                refused()
        assert blob.download_as_bytes() == b"2"

    def test_a_list_comes_in_pages_with_folders_folded(self, bucket: storage.Bucket, prefix: str) -> None:
        for name in ("a", "b/1", "b/2", "c/1", "d"):
            bucket.blob(prefix + name).upload_from_string(b"")
        found = bucket.client.list_blobs(bucket, prefix=prefix, delimiter="/", page_size=2)
        pages = [[blob.name.removeprefix(prefix) for blob in page] for page in found.pages]
        assert [name for page in pages for name in page] == ["a", "d"]
        assert len(pages) == 2
        assert found.prefixes == {f"{prefix}b/", f"{prefix}c/"}

    def test_a_bucket_has_a_flat_layout(self, bucket: storage.Bucket) -> None:
        layout = bucket.client._connection.api_request(method="GET", path=f"/b/{bucket.name}/storageLayout")
        assert (layout["kind"], layout["bucket"]) == ("storage#storageLayout", bucket.name)
        assert not layout.get("hierarchicalNamespace", {}).get("enabled", False)

    def test_parts_are_composed_in_order(self, bucket: storage.Bucket, prefix: str) -> None:
        parts = [bucket.blob(f"{prefix}{number}") for number in range(3)]
        for number, blob in enumerate(parts):
            blob.upload_from_string(str(number))
        whole = bucket.blob(f"{prefix}whole")
        whole.compose(parts)
        assert whole.download_as_bytes() == b"012"

    def test_an_object_is_rewritten_elsewhere_with_its_metadata(self, bucket: storage.Bucket, prefix: str) -> None:
        source = bucket.blob(f"{prefix}source")
        source.metadata = {"made-by": "sluice"}
        source.upload_from_string(b"data", content_type="text/csv")
        target = bucket.blob(f"{prefix}target")
        token, rewritten, total = target.rewrite(source)
        assert (token, rewritten, total) == (None, 4, 4)
        target.reload()
        assert (target.metadata, target.content_type) == ({"made-by": "sluice"}, "text/csv")

    def test_an_upload_in_pieces_is_whole(self, bucket: storage.Bucket, prefix: str) -> None:
        blob = bucket.blob(f"{prefix}pieces", chunk_size=PIECE)
        data = os.urandom(2 * PIECE + 100)
        with blob.open("wb") as file:
            file.write(data)
        assert bucket.blob(blob.name).download_as_bytes(checksum="crc32c") == data

    def test_in_a_batch_only_the_impossible_fails(self, bucket: storage.Bucket, prefix: str) -> None:
        there = bucket.blob(f"{prefix}there")
        there.upload_from_string(b"data")
        with pytest.raises(exceptions.NotFound), bucket.client.batch():
            bucket.blob(f"{prefix}absent").delete()
            there.delete()
        assert not there.exists()

    def test_metadata_changes_without_a_new_generation(self, bucket: storage.Bucket, prefix: str) -> None:
        blob = bucket.blob(f"{prefix}file")
        blob.upload_from_string(b"data")
        before = blob.generation
        blob.metadata = {"reviewed": "yes"}
        blob.patch()
        again = bucket.get_blob(blob.name)
        assert (again.metadata, again.generation, again.metageneration) == ({"reviewed": "yes"}, before, 2)

    def test_a_bucket_names_its_place_and_our_rights(self, bucket: storage.Bucket, prefix: str) -> None:
        bucket.reload()
        assert bucket.location == bucket.location.upper()
        assert bucket.location_type in ("region", "multi-region", "dual-region")
        wanted = ["storage.objects.create", "storage.objects.get"]
        assert sorted(bucket.test_iam_permissions(wanted)) == wanted

    def test_an_absent_bucket_is_not_found(self, bucket: storage.Bucket, prefix: str) -> None:
        absent = bucket.client.bucket(f"absent-{uuid.uuid4().hex}")
        assert not absent.exists()
        with pytest.raises(exceptions.NotFound, match="bucket does not exist"):
            absent.reload()


class TestObjectsInLocalStorage(ObjectsContract):
    @pytest.fixture
    def bucket(self, cloud: LocalCloud) -> storage.Bucket:
        return storage.Client().create_bucket(f"bucket-{uuid.uuid4().hex[:8]}", location="us-central1")


@pytest.mark.gcp
class TestObjectsInRealStorage(ObjectsContract):
    @pytest.fixture
    def bucket(self, gcp, prefix: str) -> Iterator[storage.Bucket]:
        bucket = storage.Client(project=gcp.project).bucket(gcp.bucket)
        yield bucket
        bucket.delete_blobs(list(bucket.client.list_blobs(bucket, prefix=prefix)))
