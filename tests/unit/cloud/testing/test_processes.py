"""Processes that are forked from one that has imported what they need."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.testing.processes import Container, ForkServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    with ForkServer(os.environ, tmp_path / "server.log", modules=()) as running:
        yield running


def test_what_goes_to_standard_error_has_a_file_of_its_own_where_one_is_named(
    server: ForkServer, tmp_path: Path
) -> None:
    script = tmp_path / "speaks.py"
    script.write_text("import sys\nprint('a result')\nsys.exit('a reason')\n")
    together, output, errors = (tmp_path / name for name in ("together", "output", "errors"))
    command = [sys.executable, str(script)]
    assert server.start(Container(command, tmp_path, together)).wait() == 1
    assert server.start(Container(command, tmp_path, output, errors=errors)).wait() == 1
    assert sorted(together.read_text().splitlines()) == ["a reason", "a result"]
    assert (output.read_text(), errors.read_text()) == ("a result\n", "a reason\n")


def test_a_script_finds_the_modules_beside_it_first(server: ForkServer, tmp_path: Path) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "beside.py").write_text("WORD = 'found'\n")
    (folder / "script.py").write_text("import sys\nimport beside\nprint(beside.WORD, sys.path[0], sys.argv[1])\n")
    started = server.start(Container(["python", str(folder / "script.py"), "given"], tmp_path, tmp_path / "log"))
    assert started.wait() == 0
    assert (tmp_path / "log").read_text().split() == ["found", str(folder), "given"]


def test_what_a_server_has_started_ends_with_it_when_signal_9_ends_it(server: ForkServer, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    script = tmp_path / "waits.py"
    script.write_text(
        "import signal, sys\nheld = open(sys.argv[1], 'w')\nprint(1, file=held, flush=True)\nsignal.pause()\n"
    )
    started = server.start(Container([sys.executable, str(script), str(ready)], tmp_path, tmp_path / "log"))
    with ready.open() as held:
        assert held.readline() == "1\n"
        os.kill(server._process.pid, signal.SIGKILL)
        assert held.read() == ""  # once the process has ended
    assert started.wait() == -signal.SIGKILL
