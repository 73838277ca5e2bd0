"""Rules on imports that import-linter cannot hold; scripts/import_rules.py and pyproject.toml have the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.rules.tree import modules, shown

CLOUD = "google.cloud"


def test_cloud_alone_imports_google_cloud() -> None:
    guilty = [shown(path) for path in modules() if any(_is_in(CLOUD, name) for name in imported(path.read_text()))]
    assert [name for name in guilty if not name.startswith("cloud/")] == []


def test_nothing_that_is_installed_needs_what_is_not() -> None:
    tops = {shown(path): {name.partition(".")[0] for name in imported(path.read_text())} for path in modules()}
    assert len(tops) > 200
    assert [name for name, found in tops.items() if found & {"tests", "benchmarks", "scripts", "deploy"}] == []


@pytest.mark.parametrize(
    ("line", "is_cloud"),
    [
        ("import google.cloud.storage", True),
        ("from google.cloud import aiplatform", True),
        ("from google import cloud", True),
        ("def f():\n    import google.cloud.storage as s", True),
        ("from google.protobuf import text_format", False),
        ("import google_crc32c", False),
        ("from google.cloud_tools import x", False),
    ],
)
def test_an_import_of_google_cloud_is_seen_wherever_it_stands(line: str, is_cloud: bool) -> None:
    assert any(_is_in(CLOUD, name) for name in imported(line)) == is_cloud


def imported(source: str) -> Iterator[str]:
    """Every dotted name that a module imports, at whatever depth of its code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_in(package: str, name: str) -> bool:
    return f"{name}.".startswith(f"{package}.")
