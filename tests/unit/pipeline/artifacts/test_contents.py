"""The content of an artifact is that of its files, by their paths, and of nothing else."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from tensorflow.io import gfile

from pipeline.artifacts import contents
from pipeline.artifacts.contents import content_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "artifact"
    (made / "Split-test").mkdir(parents=True)
    (made / "Split-test/rows").write_bytes(b"some rows")
    (made / "properties").write_bytes(b"")
    return made


def _with_the_times_of_before(folder: Path) -> None:
    path = folder / "Split-test/rows"
    before = path.stat()
    path.write_bytes(b"ROWS some")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _by_another_file(folder: Path) -> None:
    other = folder.with_name("other")
    other.write_bytes(b"ROWS some")
    other.replace(folder / "Split-test/rows")


def _to_a_link_to_nothing(folder: Path) -> None:
    (folder / "properties").unlink()
    (folder / "properties").symlink_to(folder / "nowhere")


@pytest.mark.parametrize(
    "change",
    [
        _with_the_times_of_before,
        _by_another_file,
        _to_a_link_to_nothing,
        lambda folder: (folder / "properties").unlink(),
        lambda folder: (folder / "Split-test/more").touch(),
        lambda folder: (folder / "properties").rename(folder / "Split-test/properties"),
        lambda folder: (folder / "properties").write_bytes(b" "),
    ],
)
def test_every_change_of_a_file_is_another_content(folder: Path, change: Callable[[Path], object]) -> None:
    before = content_of(str(folder))
    assert content_of(str(folder)) == before
    change(folder)
    assert content_of(str(folder)) != before


def test_the_same_files_elsewhere_are_the_same_content(folder: Path) -> None:
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    assert content_of(str(copy)) == content_of(f"{folder}/")


def test_one_file_is_a_content_too_and_nothing_is_none(folder: Path) -> None:
    assert content_of(str(folder / "properties"))
    assert content_of(str(folder / "nowhere")) == ""


def test_a_file_is_read_again_only_when_it_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content_of(str(folder))
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it was read again"))
    assert content_of(str(folder)) == before


@pytest.mark.parametrize("hidden", [True, False])
def test_an_object_without_a_checksum_is_known_by_its_size_and_its_time(
    monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    if hidden:  # as Cloud Storage hides that of an object that is encrypted with a customer's key
        monkeypatch.setattr(contents, "_CLOUD_STORAGE", "ram://")
        monkeypatch.setattr(contents, "checksums", lambda paths: dict.fromkeys(paths, "None 9"))
    folder = f"ram://{uuid.uuid4()}/artifact"
    gfile.makedirs(folder)
    before = set()
    for content in ("some rows", "ROWS some"):
        with gfile.GFile(f"{folder}/rows", "w") as file:
            file.write(content)
        before.add(content_of(folder))
        assert content_of(folder) in before
    assert len(before) == 2
