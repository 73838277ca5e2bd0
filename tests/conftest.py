"""The order of the tests: whole runs first, so that no process of pytest is left with a long file at the end; how many
processes there are; and what becomes of a test in an installation that lacks what it needs."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.samples.light import LightModule, lacking

# By the length of their longest file; what is not named comes last.
LONGEST_FIRST = ("tests/house", "tests/e2e", "tests/contract", "tests/faults")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: a test of servers and of whole runs waits for them much of its time."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + 1


def pytest_configure() -> None:
    """What is imported stays: the collector leaves it out, now and later."""
    gc.disable()


def pytest_collection_finish() -> None:
    """The end of the imports that all tests need."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts by room; within a room the order stays."""
    items.sort(key=lambda item: _place(item.nodeid))


def _place(nodeid: str) -> int:
    return next(
        (place for place, room in enumerate(LONGEST_FIRST) if nodeid.startswith(f"{room}/")), len(LONGEST_FIRST)
    )


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    return LightModule.from_parent(parent, path=module_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _skipped_where_lacking(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _skipped_where_lacking(item))


def _skipped_where_lacking(item: pytest.Item) -> Generator[None, object, object]:
    try:
        return (yield)
    except Exception as error:
        if why := lacking(error, item.path):
            pytest.skip(why)
        raise
