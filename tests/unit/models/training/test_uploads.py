"""A growing local folder is copied to a remote one, also after errors."""

import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from models.training.uploads import FolderUploader
from tests.samples.folders import ROOT


class Flaky:
    """A far file system that fails so many times before it works."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.copies: list[str] = []

    def makedirs(self, path: str) -> None:
        tf.io.gfile.makedirs(path)

    def copy(self, source: str, target: str, overwrite: bool) -> None:
        if self.failures:
            self.failures -= 1
            raise tf.errors.UnavailableError(None, None, "the network is down")
        self.copies.append(Path(target).name)
        tf.io.gfile.copy(source, target, overwrite=overwrite)


def test_everything_is_there_when_the_with_ends_in_a_remote_file_system(tmp_path: Path) -> None:
    remote = f"ram://{uuid.uuid4()}"
    with FolderUploader(str(tmp_path), remote, every_seconds=60):
        (tmp_path / "train").mkdir()
        (tmp_path / "train/events").write_bytes(b"\x00\x01 first")
        (tmp_path / "train/events").write_bytes(b"\x00\x01 first and last")
    with tf.io.gfile.GFile(f"{remote}/train/events", "rb") as file:
        assert file.read() == b"\x00\x01 first and last"


def test_copies_while_the_folder_grows(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "events").write_text("one")
    with FolderUploader(str(here), str(there), every_seconds=0.05):
        until = time.monotonic() + 10
        while not (there / "events").exists() and time.monotonic() < until:
            time.sleep(0.02)
        assert (there / "events").read_text() == "one"


def test_only_what_has_changed_is_copied_again(tmp_path: Path) -> None:
    here, files = tmp_path / "here", Flaky(0)
    here.mkdir()
    (here / "old").write_text("one")
    uploader = FolderUploader(str(here), str(tmp_path / "there"), files=files)
    uploader.flush()
    (here / "new").write_text("two")
    uploader.flush()
    assert files.copies == ["old", "new"]


def test_a_failure_in_between_is_made_good_and_one_that_lasts_is_raised(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "events").write_text("one")
    with FolderUploader(str(here), str(tmp_path / "there"), every_seconds=60, files=Flaky(2)):
        pass
    assert (tmp_path / "there/events").read_text() == "one"
    with (
        pytest.raises(tf.errors.UnavailableError),
        FolderUploader(str(here), str(tmp_path / "nowhere"), every_seconds=60, files=Flaky(99)),
    ):
        pass


def test_the_last_copy_is_made_when_training_fails(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    with pytest.raises(ZeroDivisionError), FolderUploader(str(here), str(tmp_path / "there"), every_seconds=60):
        (here / "events").write_text("what led there")
        _ = 1 / 0
    assert (tmp_path / "there/events").read_text() == "what led there"


EXITS = """
import sys
from pathlib import Path
from models.training.uploads import FolderUploader
here, there = sys.argv[1:]
FolderUploader(here, there, every_seconds=600).__enter__()
(Path(here) / "events").write_text("last words")
sys.exit(0)
"""


def test_a_program_that_exits_inside_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    command: list[Any] = [sys.executable, "-c", EXITS, tmp_path / "here", tmp_path / "there"]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=120)
    assert (tmp_path / "there/events").read_text() == "last words"
