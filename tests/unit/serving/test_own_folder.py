from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ExitCode, SluiceError
from serving.local_folder import LocalVersionFolder
from serving.own_folder import check_is_own


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """The folder of all workloads; `digits` has pushed into its own."""
    room = tmp_path / "out/serving"
    (room / "digits/1").mkdir(parents=True)
    return room


def _refusal(folder: Path) -> str:
    with pytest.raises(SluiceError) as refused:
        check_is_own(folder)
    assert refused.value.exit_code is ExitCode.UNUSABLE
    assert refused.value.next_command.startswith("Look:  ls -ld ")
    return refused.value.headline


@pytest.mark.parametrize("target", ["nowhere", "/nowhere/at/all", "taxi"], ids=["relative", "absolute", "loop"])
def test_refuses_a_link_that_leads_to_nothing(room: Path, target: str) -> None:
    (room / "taxi").symlink_to(target)
    assert f"link to {target}, and no folder is there" in _refusal(room / "taxi")


def test_refuses_when_the_folder_of_all_workloads_is_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "serving").symlink_to("gone")
    assert "link to gone" in _refusal(tmp_path / "serving/taxi")


def test_refuses_a_file_in_the_place_of_the_folder(room: Path) -> None:
    (room / "taxi").write_text("")
    assert "is a file" in _refusal(room / "taxi")


@pytest.mark.parametrize("target", ["digits", "digits/1"])
def test_refuses_a_link_into_the_folder_of_another_workload(room: Path, target: str) -> None:
    (room / "taxi").symlink_to(target)
    assert _refusal(room / "taxi").endswith("which is digits's.")


def test_refuses_a_link_into_another_output_folder_of_another_workload(room: Path, tmp_path: Path) -> None:
    for folder in ("other/serving/iris", "other/iris"):
        (tmp_path / folder).mkdir(parents=True)
    (room / "taxi").symlink_to(tmp_path / "other/serving/iris")
    assert _refusal(room / "taxi").endswith("which is iris's.")


def test_refuses_a_place_that_another_workload_has_by_a_link_as_well(room: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (room / "iris").symlink_to(tmp_path / "disk")
    (room / "taxi").symlink_to(tmp_path / "disk")
    assert _refusal(room / "taxi").endswith("which is iris's.")


@pytest.mark.parametrize("name", ["taxi", "models"])
def test_a_link_to_a_folder_of_its_own_is_fine(room: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "disk" / name).mkdir(parents=True)
    (room / "taxi").symlink_to(tmp_path / "disk" / name)
    check_is_own(room / "taxi")


def test_a_link_to_a_folder_named_otherwise_where_nobody_runs_is_fine(room: Path, tmp_path: Path) -> None:
    (tmp_path / "srv/serving/taxi-v2/1").mkdir(parents=True)
    (room / "taxi").symlink_to(tmp_path / "srv/serving/taxi-v2")
    check_is_own(room / "taxi")


def test_a_link_into_a_folder_of_folders_beside_it_is_fine(room: Path) -> None:
    (room / "releases/taxi-2031-08/1").mkdir(parents=True)
    (room / "taxi").symlink_to("releases/taxi-2031-08")
    check_is_own(room / "taxi")


@pytest.mark.parametrize("is_link", [False, True])
def test_another_name_of_its_folder_makes_it_nobody_elses(is_link: bool, room: Path, tmp_path: Path) -> None:
    own = tmp_path / "disk/taxi" if is_link else room / "taxi"
    own.mkdir(parents=True)
    if is_link:
        (room / "taxi").symlink_to(own)
    (room / "current").symlink_to("taxi")
    check_is_own(room / "taxi")
    assert _refusal(room / "current").endswith("which is taxi's.")


def test_a_folder_that_is_not_there_yet_is_fine(room: Path) -> None:
    check_is_own(room / "taxi")
    check_is_own(room / "digits")


def test_neither_the_start_of_a_run_nor_a_push_touches_what_the_link_leads_to(room: Path, tmp_path: Path) -> None:
    (room / "taxi").symlink_to("digits")
    folder = LocalVersionFolder(str(room / "taxi"))
    with pytest.raises(SluiceError):
        folder.distrust_if_altered()
    with pytest.raises(SluiceError):
        folder.push(str(tmp_path), keep=2)
    assert [path.name for path in (room / "digits").iterdir()] == ["1"]
