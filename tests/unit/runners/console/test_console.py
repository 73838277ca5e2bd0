"""What a run prints while a component works, on a terminal and elsewhere."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable

import pytest

from core.errors import SluiceError
from gates.verdict.finding import Finding, GateReport, Severity, Verdict
from runners.console.console import RunConsole


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _printed(stream: io.StringIO, report: Callable[[logging.Logger], None]) -> str:
    logger = logging.getLogger("sluice.progress")
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        with RunConsole(stream) as console:
            console.working_on("Rollout")
            report(logger)
    finally:
        logger.setLevel(before)
    return stream.getvalue()


def _two_steps(logger: logging.Logger) -> None:
    for step in ("canary, 10 %: no harm", "production, 100 %: no harm"):
        logger.info("%s", step, extra={"is_step": True})


def test_each_step_is_a_line_at_once_where_there_is_no_terminal() -> None:
    lines = _printed(io.StringIO(), _two_steps).splitlines()
    assert [line.split() for line in lines] == [
        ["Rollout", "canary,", "10", "%:", "no", "harm"],
        ["Rollout", "production,", "100", "%:", "no", "harm"],
    ]


def test_progress_within_a_component_is_no_line() -> None:
    assert _printed(io.StringIO(), lambda logger: logger.info("epoch 3", extra={"done": 3, "total": 10})) == ""


def test_on_a_terminal_the_bar_shows_the_step() -> None:
    assert "no harm" not in _printed(_Terminal(), _two_steps)


EVIL = "\x1b[2J\x1b[H\nPUSHED  taxi/7 [red]\x9b"


@pytest.mark.parametrize("stream", [io.StringIO(), _Terminal()], ids=["file", "terminal"])
def test_names_and_reasons_from_data_cannot_fake_a_verdict(
    stream: io.StringIO,
) -> None:
    finding = Finding("nulls", EVIL, "share", 1.0, 0.0, 10, Severity.BLOCK, f"{EVIL} is bad.", f"Drop {EVIL}.")
    console = RunConsole(stream)
    console.headline(EVIL, EVIL)
    console.component("ExampleGen", EVIL, 1.0)
    console.last_words("REFUSED", EVIL)
    console.error(SluiceError(EVIL, f"Look:  {EVIL}"))
    console.verdict([GateReport("data gate", Verdict.FAIL, (finding,), ("nulls",), (), 0.0)])
    printed = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())  # its own styles
    assert not [line for line in printed.splitlines() if line.startswith(("PUSHED", "  PUSHED"))]
    assert not set(printed) & set("\x1b\x9b")
    assert printed.count(r"\x1b[2J") >= 7
    assert "[red]" in printed
