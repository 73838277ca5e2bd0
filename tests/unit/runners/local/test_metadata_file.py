"""A damaged metadata store is refused, and a lost one does not mix its artifacts with those of the next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tfx.orchestration import metadata

from core.errors import ExitCode, SluiceError
from runners.local.metadata_file import check_metadata
from runners.results.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Of a run whose store is whole and of several pages, with an artifact beside it."""
    made = RunFolder(tmp_path / "taxi", "2026-11-30T08-00-00")
    (made.artifacts / "Trainer/model/8").mkdir(parents=True)
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(made.metadata))) as handle:
        handle.store.get_artifacts()
    return made


def test_a_whole_store_is_let_alone(folder: RunFolder) -> None:
    before = folder.metadata.read_bytes()
    assert check_metadata(folder) is None
    assert folder.metadata.read_bytes() == before
    assert folder.artifacts.is_dir()


def test_a_first_run_has_neither(tmp_path: Path) -> None:
    assert check_metadata(RunFolder(tmp_path / "taxi", "now")) is None


@pytest.mark.parametrize("share", [0.3, 0.5, 0.99])
def test_a_truncated_store_is_refused_with_the_command_that_puts_it_aside(folder: RunFolder, share: float) -> None:
    whole = folder.metadata.read_bytes()
    folder.metadata.write_bytes(whole[: int(len(whole) * share)])
    _is_refused(folder)


@pytest.mark.parametrize("content", [b"not a database at all", b"\0" * 9000])
def test_garbage_is_refused(folder: RunFolder, content: bytes) -> None:
    folder.metadata.write_bytes(content)
    _is_refused(folder)


def test_a_page_of_garbage_is_refused(folder: RunFolder) -> None:
    whole = bytearray(folder.metadata.read_bytes())
    whole[8192:12288] = b"\xa5" * 4096
    folder.metadata.write_bytes(whole)
    _is_refused(folder)


def test_the_database_of_another_program_is_refused(folder: RunFolder) -> None:
    folder.metadata.unlink()
    with sqlite3.connect(folder.metadata) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    _is_refused(folder)


@pytest.mark.parametrize("how", ["gone", "emptied"])
def test_artifacts_whose_store_is_lost_are_set_aside(folder: RunFolder, how: str) -> None:
    folder.metadata.unlink()
    if how == "emptied":
        folder.metadata.touch()
    aside = check_metadata(folder)
    assert aside == folder.workload_dir / "artifacts-without-metadata-2026-11-30T08-00-00"
    assert (aside / "Trainer/model/8").is_dir()
    assert not folder.artifacts.exists()
    assert check_metadata(folder) is None


def _is_refused(folder: RunFolder) -> None:
    with pytest.raises(SluiceError, match=r"metadata\.sqlite is damaged: ") as caught:
        check_metadata(folder)
    assert caught.value.exit_code is ExitCode.UNUSABLE
    assert f"mv {folder.metadata} {folder.metadata}.damaged" in caught.value.next_command
    assert folder.artifacts.is_dir()
