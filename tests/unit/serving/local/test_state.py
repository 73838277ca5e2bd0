"""The state of an endpoint is changed whole, by one at a time, on the state that the caller has seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.errors import SluiceError
from serving.contract import EndpointChangedError
from serving.local.state import Observed, StateFile, StoredModel, StoredState
from tests.samples.folders import ROOT

ONE = StoredModel(deployed_id="1", model="rides", version="101")
_ADDS = """
import sys
from pathlib import Path
from serving.local.state import StateFile

def one_more(state):
    return state.model_copy(update={"previous": {"1": (state.previous or {"1": 0})["1"] + 1}})

for _ in range(50):
    StateFile(Path(sys.argv[1]), "rides").change(one_more)
"""


def _with_traffic(state: StoredState) -> StoredState:
    return state.model_copy(update={"traffic": {"1": 100}, "deployed": [ONE]})


def test_a_change_gives_another_etag_and_no_change_keeps_it(tmp_path: Path) -> None:
    file = StateFile(tmp_path, "rides")
    assert not file.exists()
    stamp = file.stamp()
    first = file.change(_with_traffic)
    assert file.read() == first
    assert file.stamp() != stamp
    assert file.change(_with_traffic) == first
    with pytest.raises(EndpointChangedError, match=first.etag):
        file.change(lambda state: state, etag="older")


def test_no_change_of_two_processes_is_lost(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _ADDS, str(tmp_path)]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    assert StateFile(tmp_path, "rides").read().previous == {"1": 150}


def test_a_damaged_state_is_one_sentence(tmp_path: Path) -> None:
    file = StateFile(tmp_path, "rides")
    file.change(_with_traffic)
    nowhere = '{"endpoint": "e", "etag": "x", "traffic": {"1": 100}}'
    for text in ("", "{", '{"endpoint": 1}', '{"endpoint": "e", "etag": "x", "more": 1}', nowhere):
        file.state_path.write_text(text)
        with pytest.raises(SluiceError, match=r"state\.json is damaged"):
            file.read()


def test_a_number_of_a_process_that_was_given_again_is_no_life(tmp_path: Path) -> None:
    this = psutil.Process()
    alive = Observed(etag="e", pid=this.pid, born=this.create_time(), address="", certificate="", models={})
    assert alive.is_alive()
    assert not alive.model_copy(update={"born": this.create_time() - 1}).is_alive()
    file = StateFile(tmp_path, "rides")
    file.folder.mkdir()
    file.observe(alive)
    assert file.observed() == alive


def test_the_newest_version_is_the_highest_number(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "versions", "rides")
    assert file.newest_version() is None
    for name in ("9", "10", "x11", ".incoming-12"):
        (tmp_path / "versions" / name).mkdir(parents=True)
    (tmp_path / "versions/13").write_text("a file is no version")
    assert file.newest_version() == "10"


def test_a_version_that_was_taken_back_is_not_the_newest_until_it_is_rolled_out(tmp_path: Path) -> None:
    file = StateFile(tmp_path, "rides")
    for name in ("9", "10"):
        (tmp_path / name).mkdir()
    file.set_aside("10", True)
    assert file.newest_version() == "9"
    file.set_aside("9", True)
    assert file.newest_version() is None
    file.set_aside("10", False)
    file.set_aside("10", False)
    assert file.newest_version() == "10"


def test_the_state_of_another_workload_is_not_changed_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "serving/digits/1").mkdir(parents=True)
    (tmp_path / "serving/taxi").symlink_to("digits")
    with pytest.raises(SluiceError, match="which is digits's"):
        StateFile(tmp_path / "serving/taxi", "taxi").change(_with_traffic)
    assert [path.name for path in (tmp_path / "serving/digits").iterdir()] == ["1"]
