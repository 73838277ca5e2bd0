"""What is called in the process beside the server, what comes back, and that it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.errors import SluiceError
from serving.log.writer_process import WriterProcess
from tests.samples.folders import ROOT


@pytest.fixture
def process() -> Iterator[WriterProcess]:
    process = WriterProcess()
    yield process
    process.close()


def write_own_id(path: Path) -> None:
    """Leaves the id of the process that it is called in."""
    path.write_text(str(os.getpid()))


def refuse(sentence: str) -> None:
    """Ends as a user's error does."""
    raise SluiceError(sentence, "Look.")


def fail() -> None:
    """Ends as a defect does."""
    raise KeyError("lost")


def _own_id(process: WriterProcess, path: Path) -> int:
    process.call(write_own_id, path)
    return int(path.read_text())


def test_one_other_process_does_all_calls_and_ends_when_it_is_closed(process: WriterProcess, tmp_path: Path) -> None:
    first, second = (_own_id(process, tmp_path / "id") for _ in range(2))
    assert first == second != os.getpid()
    process.close()
    assert not psutil.pid_exists(first)


def test_a_time_limit_for_all_sockets_is_none_for_it(process: WriterProcess, tmp_path: Path) -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(60)  # as Beam does in the process that asks for credentials
    try:
        assert _own_id(process, tmp_path / "id") != os.getpid()
    finally:
        socket.setdefaulttimeout(before)


def test_a_full_or_absent_folder_is_the_callers_error(process: WriterProcess, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent/id"):
        process.call(write_own_id, tmp_path / "absent" / "id")
    assert _own_id(process, tmp_path / "id") != os.getpid()


def test_a_refusal_keeps_its_sentence_and_its_command(process: WriterProcess) -> None:
    with pytest.raises(SluiceError, match="is no number") as refused:
        process.call(refuse, "`fare` is no number")
    assert refused.value.next_command == "Look."


def test_a_defect_comes_back_with_its_traceback(process: WriterProcess) -> None:
    with pytest.raises(RuntimeError, match=r"in fail\n.*\nKeyError: 'lost'"):
        process.call(fail)


def test_a_process_that_was_killed_is_followed_by_another(process: WriterProcess, tmp_path: Path) -> None:
    first = _own_id(process, tmp_path / "id")
    os.kill(first, signal.SIGKILL)
    with pytest.raises(OSError, match="has ended"):
        process.call(write_own_id, tmp_path / "id")
    assert _own_id(process, tmp_path / "id") != first


def test_it_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    server = (
        "import os, signal, sys; from pathlib import Path\n"
        "from serving.log.writer_process import WriterProcess\n"
        "from tests.unit.serving.log.test_writer_process import write_own_id\n"
        "WriterProcess().call(write_own_id, Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "id"
    done = subprocess.run([sys.executable, "-c", server, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(path.read_text())).wait(timeout=60)
