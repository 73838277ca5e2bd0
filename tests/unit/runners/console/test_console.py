"""What a run prints while a component works, on a terminal and elsewhere."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

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
