"""The contract of a folder of versions with the server that watches it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving import version_folder
from serving.version_folder import VersionFolder, fingerprint_of
from tests.samples.folders import ROOT


def _model(folder: Path, content: bytes = b"graph") -> str:
    (folder / "variables").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "saved_model.pb").write_bytes(content)
    (folder / "variables/variables.data-00000-of-00001").write_bytes(content * 1000)
    return str(folder)


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving"


def _served(serving: Path) -> list[int]:
    """What TensorFlow Serving would see: folders whose name is a number."""
    return sorted(int(entry.name) for entry in serving.iterdir() if entry.is_dir() and entry.name.isdigit())


def test_a_version_is_a_true_copy(tmp_path: Path, serving: Path) -> None:
    model = _model(tmp_path / "model")
    push = VersionFolder(str(serving)).push(model, keep=3)
    assert fingerprint_of(push.path) == fingerprint_of(model) == push.fingerprint
    assert (Path(push.path) / "assets").is_dir()
    assert abs(push.version - time.time()) < 60


def test_versions_rise_within_one_second_and_never_overwrite(tmp_path: Path, serving: Path) -> None:
    models = [_model(tmp_path / str(i), bytes([i])) for i in range(4)]
    pushed = [VersionFolder(str(serving)).push(model, keep=9) for model in models]
    versions = [push.version for push in pushed]
    assert versions == sorted(set(versions)) == _served(serving)
    assert [fingerprint_of(push.path) for push in pushed] == [fingerprint_of(model) for model in models]


def test_a_version_from_the_future_is_still_exceeded(tmp_path: Path, serving: Path) -> None:
    _model(serving / "99999999999")
    assert VersionFolder(str(serving)).push(_model(tmp_path / "model", b"new"), keep=3).version == 100000000000


def test_the_same_model_is_not_pushed_twice(tmp_path: Path, serving: Path) -> None:
    folder = VersionFolder(str(serving))
    first = folder.push(_model(tmp_path / "a"), keep=3)
    again = folder.push(_model(tmp_path / "b"), keep=3)
    assert (again.version, again.is_new) == (first.version, False)
    assert _served(serving) == [first.version]


def test_an_older_model_is_pushed_again_because_another_is_served(tmp_path: Path, serving: Path) -> None:
    folder, old = VersionFolder(str(serving)), _model(tmp_path / "old", b"old")
    first = folder.push(old, keep=3)
    folder.push(_model(tmp_path / "new", b"new"), keep=3)
    assert not Path(first.marker).exists()
    again = folder.push(old, keep=3)
    assert again.is_new
    assert again.version == max(_served(serving))
    assert Path(again.marker).exists()


@pytest.mark.parametrize(("keep", "left"), [(1, 2), (2, 2), (3, 3), (10, 5)])
def test_old_versions_go_but_never_the_newest_two(tmp_path: Path, serving: Path, keep: int, left: int) -> None:
    folder = VersionFolder(str(serving))
    versions = [folder.push(_model(tmp_path / str(i), bytes([i])), keep).version for i in range(5)]
    assert _served(serving) == versions[-left:]


def test_a_deleted_version_is_pushed_again_under_a_new_number(tmp_path: Path, serving: Path) -> None:
    folder, model = VersionFolder(str(serving)), _model(tmp_path / "model")
    first = folder.push(model, keep=3)
    subprocess.run(["rm", "-r", first.path], check=True)
    again = folder.push(model, keep=3)
    assert again.is_new
    assert again.version > first.version


def test_a_tampered_version_does_not_pass_for_the_model(tmp_path: Path, serving: Path) -> None:
    folder, model = VersionFolder(str(serving)), _model(tmp_path / "model")
    first = folder.push(model, keep=3)
    Path(first.path, "saved_model.pb").write_bytes(b"other")
    assert folder.push(model, keep=3).version > first.version


def test_what_is_no_version_is_left_alone(tmp_path: Path, serving: Path) -> None:
    (serving / "README").mkdir(parents=True)
    VersionFolder(str(serving)).push(_model(tmp_path / "model"), keep=1)
    assert (serving / "README").exists()


def test_a_copy_that_differs_from_its_source_is_never_served(
    tmp_path: Path, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = version_folder._copy

    def cut_short(source: str, target: str) -> None:
        copy(source, target)
        Path(target, "saved_model.pb").write_bytes(b"")

    monkeypatch.setattr(version_folder, "_copy", cut_short)
    with pytest.raises(OSError, match="disk full, or the model changed"):
        VersionFolder(str(serving)).push(_model(tmp_path / "model"), keep=3)
    assert _served(serving) == []


def test_a_killed_push_leaves_nothing_to_serve_and_the_next_one_cleans_up(tmp_path: Path, serving: Path) -> None:
    model = _model(tmp_path / "model")
    first = VersionFolder(str(serving)).push(model, keep=3)
    second = _model(tmp_path / "second", b"second")
    # Stops for ever once the copy is there and before it is renamed, as a kill at the worst moment would.
    script = (
        "import sys, time; from serving import version_folder as v; "
        "v.VersionFolder._forget_newest = lambda self: (print('copied', flush=True), time.sleep(600)); "
        "v.VersionFolder(sys.argv[1]).push(sys.argv[2], 3)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(serving), second], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "copied\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert any(entry.name.startswith(".incoming-") for entry in serving.iterdir())
    assert _served(serving) == [first.version]
    push = VersionFolder(str(serving)).push(second, keep=3)
    assert _served(serving) == [first.version, push.version]
    assert not any(entry.name.startswith(".incoming-") for entry in serving.iterdir())


def test_a_served_version_that_was_damaged_is_not_taken_for_pushed(tmp_path: Path, serving: Path) -> None:
    folder = VersionFolder(str(serving))
    push = folder.push(_model(tmp_path / "model"), keep=3)
    folder.distrust_if_altered()
    assert Path(push.marker).exists(), "an intact version keeps its mark, and a cached push stays valid"
    (Path(push.path) / "variables/variables.data-00000-of-00001").unlink()
    folder.distrust_if_altered()
    assert not Path(push.marker).exists()
    assert folder.push(str(tmp_path / "model"), keep=3).version > push.version
