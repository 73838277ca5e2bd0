"""The end of a process is seen, however it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from serving.local.process import Process

_WAITS = "import sys; sys.stdin.read()"


def _code_of(program: str, act: str = "") -> int:
    async def ended() -> int:
        process = Process([sys.executable, "-c", program], os.environ, [])
        if act:
            getattr(process, act)()
        code = await asyncio.wait_for(process.wait(), 300)
        assert not process.running
        process.terminate()  # of what has ended: nothing
        return code

    return asyncio.run(ended())


def test_a_process_that_ends_by_itself_gives_its_code() -> None:
    assert _code_of("raise SystemExit(7)") == 7


@pytest.mark.parametrize(("act", "code"), [("terminate", -15), ("kill", -9)])
def test_a_process_that_is_ended_gives_the_signal(act: str, code: int) -> None:
    assert _code_of(_WAITS, act) == code


def test_a_process_has_the_files_that_it_is_given(tmp_path: Path) -> None:
    async def written() -> None:
        writing = os.open(tmp_path / "found", os.O_CREAT | os.O_WRONLY)
        process = Process([sys.executable, "-c", f"import os; os.write({writing}, b'here')"], os.environ, [writing])
        os.close(writing)
        assert await asyncio.wait_for(process.wait(), 300) == 0

    asyncio.run(written())
    assert (tmp_path / "found").read_text() == "here"


def test_a_program_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    async def started() -> None:
        Process([str(tmp_path / "nothing")], os.environ, [])

    with pytest.raises(FileNotFoundError):
        asyncio.run(started())
