"""Every promise of docs/guarantees.md names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HELD_BY = re.findall(r"`(tests/\S+?\.py)`: `([\w.]+)`", (ROOT / "docs/guarantees.md").read_text(encoding="utf-8"))


def test_the_page_names_tests() -> None:
    assert len(HELD_BY) > 20


@pytest.mark.parametrize(("path", "place"), HELD_BY)
def test_the_test_of_a_promise_is_there(path: str, place: str) -> None:
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    for name in place.split("."):
        [found] = [each for each in body if isinstance(each, ast.ClassDef | ast.FunctionDef) and each.name == name]
        body = found.body
