"""The contract of a folder of versions with the server that watches it; a disk inherits these tests, and a bucket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.errors import SluiceError
from serving import local_folder
from serving.backends import version_folder_at
from serving.local.state import StateFile, StoredModel
from serving.local_folder import LocalVersionFolder
from serving.version_folder import VersionFolder, fingerprint_of
from tests.samples.folders import ROOT

VARIABLES = "variables/variables.data-00000-of-00001"


def saved_model(folder: Path, content: bytes = b"graph") -> str:
    """What looks like a SavedModel, whose files hold `content`."""
    (folder / "variables").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "saved_model.pb").write_bytes(content)
    (folder / VARIABLES).write_bytes(content * 1000)
    return str(folder)


class Place(ABC):
    """Where versions lie, as a server, an intruder and a child process see it. Names are relative to `address`."""

    address: str
    # Defines `stop()` and calls it at the worst moment of a push: when all is copied and nothing is visible.
    stopped_push: str

    @abstractmethod
    def files(self) -> list[str]: ...

    @abstractmethod
    def read(self, name: str) -> bytes: ...

    @abstractmethod
    def write(self, name: str, content: bytes) -> None: ...

    @abstractmethod
    def delete(self, name: str) -> None:
        """Deletes a file, or a folder with all that is in it."""

    @abstractmethod
    def environment(self) -> Mapping[str, str]: ...

    def served(self) -> list[int]:
        """What TensorFlow Serving can load: folders whose name is a number, with a graph in them."""
        folders = (name.partition("/")[0] for name in self.files() if name.endswith("/saved_model.pb"))
        return sorted(int(folder) for folder in folders if folder.isdigit())

    def marked(self) -> list[str]:
        return [name for name in self.files() if name.startswith(".newest/")]

    def pushing(self, model: str, stopped: bool = False) -> subprocess.Popen[str]:
        """A push by a process of its own, which prints the version, or "stopped" when it waits to be killed."""
        script = (
            "import sys, time; from serving.backends import version_folder_at\n"
            "def stop(): print('stopped', flush=True); time.sleep(600)\n"
            f"{self.stopped_push if stopped else ''}\n"
            "print(version_folder_at(sys.argv[1]).push(sys.argv[2], 3).version, flush=True)\n"
        )
        command = [sys.executable, "-c", script, self.address, model]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=self.environment())

    def kill_a_push(self, model: str) -> None:
        process = self.pushing(model, stopped=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


class VersionFolderContract(ABC):
    """Subclasses give `place` and inherit each test."""

    @pytest.fixture
    @abstractmethod
    def place(self, tmp_path: Path) -> Place: ...

    @pytest.fixture
    def folder(self, place: Place) -> VersionFolder:
        return version_folder_at(place.address)

    def test_a_version_is_a_true_copy(self, folder: VersionFolder, place: Place, tmp_path: Path) -> None:
        model = saved_model(tmp_path / "model")
        push = folder.push(model, keep=3)
        assert push.path == f"{place.address}/{push.version}"
        assert fingerprint_of(push.path) == fingerprint_of(model) == push.fingerprint
        assert place.read(f"{push.version}/{VARIABLES}") == b"graph" * 1000
        assert abs(push.version - time.time()) < 60
        assert folder.versions() == place.served() == [push.version]
        assert push.marker == f"{place.address}/.newest/{push.version}"
        assert place.marked() == [f".newest/{push.version}"]

    def test_versions_rise_within_one_second_and_never_overwrite(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        models = [saved_model(tmp_path / str(i), bytes([i])) for i in range(4)]
        pushed = [folder.push(model, keep=9) for model in models]
        versions = [push.version for push in pushed]
        assert versions == sorted(set(versions)) == place.served()
        assert [fingerprint_of(push.path) for push in pushed] == [fingerprint_of(model) for model in models]

    def test_a_version_from_the_future_is_still_exceeded(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        place.write("99999999999/saved_model.pb", b"by hand")
        assert folder.push(saved_model(tmp_path / "model", b"new"), keep=3).version == 100000000000

    def test_the_same_model_is_not_pushed_twice(self, folder: VersionFolder, place: Place, tmp_path: Path) -> None:
        first = folder.push(saved_model(tmp_path / "a"), keep=3)
        again = folder.push(saved_model(tmp_path / "b"), keep=3)
        assert (again.version, again.is_new) == (first.version, False)
        assert place.served() == [first.version]

    def test_an_older_model_is_pushed_again_because_another_is_served(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        old = saved_model(tmp_path / "old", b"old")
        folder.push(old, keep=3)
        second = folder.push(saved_model(tmp_path / "new", b"new"), keep=3)
        assert place.marked() == [f".newest/{second.version}"]
        again = folder.push(old, keep=3)
        assert again.is_new
        assert again.version == max(place.served())
        assert place.marked() == [f".newest/{again.version}"]

    @pytest.mark.parametrize(("keep", "left"), [(1, 2), (2, 2), (3, 3), (10, 5)])
    def test_old_versions_go_but_never_the_newest_two(
        self, folder: VersionFolder, place: Place, tmp_path: Path, keep: int, left: int
    ) -> None:
        versions = [folder.push(saved_model(tmp_path / str(i), bytes([i])), keep).version for i in range(5)]
        assert place.served() == versions[-left:]
        assert {name.partition("/")[0] for name in place.files() if name[0] != "."} == set(map(str, versions[-left:]))

    def test_a_version_that_is_spared_stays_however_old_it_is(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        first = folder.push(saved_model(tmp_path / "first"), keep=2).version
        models = [saved_model(tmp_path / str(i), bytes([i])) for i in range(4)]
        versions = [folder.push(model, 2, spared={first}).version for model in models]
        assert place.served() == [first, *versions[-2:]]

    def test_a_deleted_version_is_pushed_again_under_a_new_number(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        model = saved_model(tmp_path / "model")
        first = folder.push(model, keep=3)
        place.delete(str(first.version))
        again = folder.push(model, keep=3)
        assert again.is_new
        assert again.version > first.version

    def test_a_tampered_version_does_not_pass_for_the_model(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        model = saved_model(tmp_path / "model")
        first = folder.push(model, keep=3)
        place.write(f"{first.version}/saved_model.pb", b"other")
        assert folder.push(model, keep=3).version > first.version

    def test_what_is_no_version_is_left_alone(self, folder: VersionFolder, place: Place, tmp_path: Path) -> None:
        place.write("README/text", b"by hand")
        folder.push(saved_model(tmp_path / "model"), keep=1)
        assert place.read("README/text") == b"by hand"

    def test_a_killed_push_leaves_nothing_to_serve_and_the_next_one_pushes(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        first = folder.push(saved_model(tmp_path / "model"), keep=3)
        second = saved_model(tmp_path / "second", b"second")
        place.kill_a_push(second)
        assert place.served() == folder.versions() == [first.version]
        push = folder.push(second, keep=3)
        assert place.served() == [first.version, push.version]
        assert fingerprint_of(push.path) == fingerprint_of(second)

    def test_pushes_at_once_make_a_version_each(self, folder: VersionFolder, place: Place, tmp_path: Path) -> None:
        models = [saved_model(tmp_path / str(i), bytes([i])) for i in range(2)]
        processes = [place.pushing(model) for model in models]
        versions = [int(process.communicate(timeout=240)[0]) for process in processes]
        assert sorted(versions) == place.served()
        pushed = [fingerprint_of(f"{place.address}/{version}") for version in versions]
        assert pushed == [fingerprint_of(model) for model in models]
        assert place.marked() == [f".newest/{max(versions)}"]

    def test_a_served_version_that_was_damaged_is_not_taken_for_pushed(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        push = folder.push(saved_model(tmp_path / "model"), keep=3)
        folder.distrust_if_altered()
        assert place.marked(), "an intact version keeps its mark, and a cached push stays valid"
        place.delete(f"{push.version}/{VARIABLES}")
        folder.distrust_if_altered()
        assert place.marked() == []
        assert folder.push(str(tmp_path / "model"), keep=3).version > push.version


class OnDisk(Place):
    stopped_push = "from serving.local_folder import LocalVersionFolder as F; F._forget_newest = lambda self: stop()"

    def __init__(self, folder: Path) -> None:
        self.address = str(folder)
        self.folder = folder

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(content)

    def delete(self, name: str) -> None:
        path = self.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def environment(self) -> Mapping[str, str]:
        return os.environ


class TestLocalVersionFolder(VersionFolderContract):
    """Versions on a disk, and the faults that only a disk can have."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return OnDisk(tmp_path / "serving")

    def test_empty_folders_are_copied_too(self, folder: VersionFolder, tmp_path: Path) -> None:
        push = folder.push(saved_model(tmp_path / "model"), keep=3)
        assert (Path(push.path) / "assets").is_dir()

    def test_a_version_that_is_deployed_stays_however_old_it_is(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        first = folder.push(saved_model(tmp_path / "first"), keep=1).version
        deployed = StoredModel(deployed_id="1", model="taxi", version=str(first))
        StateFile(Path(place.address), "taxi").change(lambda state: state.model_copy(update={"deployed": [deployed]}))
        versions = [folder.push(saved_model(tmp_path / str(i), bytes([i])), keep=1).version for i in range(3)]
        assert place.served() == [first, *versions[-2:]]

    def test_where_the_state_of_the_endpoint_is_damaged_no_version_goes(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        place.write(".endpoint/state.json", b"{")
        versions = [folder.push(saved_model(tmp_path / str(i), bytes([i])), keep=1).version for i in range(4)]
        assert place.served() == versions

    def test_a_copy_that_differs_from_its_source_is_never_served(
        self, folder: VersionFolder, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = local_folder.copy_folder

        def cut_short(source: str, target: str) -> None:
            copy(source, target)
            Path(target, "saved_model.pb").write_bytes(b"")

        monkeypatch.setattr(local_folder, "copy_folder", cut_short)
        with pytest.raises(OSError, match="disk full, or the model changed"):
            folder.push(saved_model(tmp_path / "model"), keep=3)
        assert folder.versions() == []

    def test_what_a_killed_push_left_is_removed_by_the_next_one(
        self, folder: VersionFolder, place: Place, tmp_path: Path
    ) -> None:
        model = saved_model(tmp_path / "model")
        place.kill_a_push(model)
        assert any(name.startswith(".incoming-") for name in place.files())
        push = folder.push(model, keep=3)
        assert {name.partition("/")[0] for name in place.files()} == {".lock", ".newest", str(push.version)}


def test_a_place_that_no_backend_has_is_one_sentence() -> None:
    assert isinstance(version_folder_at("/serving/a:b"), LocalVersionFolder)
    with pytest.raises(SluiceError, match=r"cannot be kept in s3://bucket; a place for them is a folder, gs://…"):
        version_folder_at("s3://bucket")
