"""Run folders, the `latest` link and the lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ExitCode, SluiceError
from runners.results.run_folder import exclusive, new_run_folder


def test_runs_of_the_same_second_get_folders_of_their_own(tmp_path: Path) -> None:
    folders = [new_run_folder(tmp_path, "taxi") for _ in range(3)]
    assert len({folder.path for folder in folders}) == 3
    assert all(folder.path.is_dir() for folder in folders)


def test_latest_moves_to_the_newest_run(tmp_path: Path) -> None:
    for _ in range(2):
        folder = new_run_folder(tmp_path, "taxi")
        folder.publish_as_latest()
        assert (tmp_path / "taxi/latest").resolve() == folder.path


def test_pushed_models_lie_outside_the_workloads_own_folder(tmp_path: Path) -> None:
    assert new_run_folder(tmp_path, "taxi").serving == tmp_path / "serving/taxi"


def test_a_folder_in_use_is_refused_with_the_process_that_uses_it(tmp_path: Path) -> None:
    with exclusive(tmp_path, "taxi"):
        script = (
            "import sys; from pathlib import Path; from runners.results.run_folder import exclusive\n"
            "with exclusive(Path(sys.argv[1]), 'taxi'): pass"
        )
        other = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True)
        assert other.returncode != 0
        assert "another run (process" in other.stderr
    with exclusive(tmp_path, "taxi"):
        pass


def test_an_unwritable_output_folder_is_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("not a folder")
    with pytest.raises(SluiceError, match="cannot be") as refusal, exclusive(tmp_path / "out", "taxi"):
        pass
    assert refusal.value.exit_code == ExitCode.UNUSABLE
    assert "--output-dir" in refusal.value.next_command


@pytest.mark.parametrize("name", ["out[1]", "out*", "really?"])
def test_an_output_folder_that_reads_as_a_pattern_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(SluiceError, match="in its path") as refusal, exclusive(tmp_path / name, "taxi"):
        pass
    assert refusal.value.exit_code == ExitCode.UNUSABLE
    assert "--output-dir" in refusal.value.next_command
    assert not (tmp_path / name).exists()
