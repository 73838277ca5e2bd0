"""The tree shows the architecture: the packages are listed once, the rooms are small, tests mirror the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter import configuration
from importlinter.adapters.user_options import TomlFileUserOptionReader

from core.packages import PACKAGES
from tests.house.rules.tree import our_files, shown
from tests.samples.folders import ROOT

NOT_INSTALLED = {"benchmarks", "tests"}
MOST_ENTRIES = 13


@pytest.mark.parametrize("room", ["gates", "pipeline"])
def test_a_room_is_seen_at_a_glance(room: str) -> None:
    entries = {path.relative_to(ROOT / room).parts[0] for path in our_files() if path.is_relative_to(ROOT / room)}
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_every_package_is_in_the_one_list() -> None:
    packages = {path.parent.name for path in our_files() if path.name == "__init__.py" and path.parent.parent == ROOT}
    assert packages - NOT_INSTALLED == set(PACKAGES)


def test_every_package_has_its_layer() -> None:
    configuration.configure()
    options = TomlFileUserOptionReader().read_options(str(ROOT / "pyproject.toml"))
    assert options is not None
    contracts = options.contracts_options
    [layers] = [each["layers"] for each in contracts if each["type"] == "layers" and "containers" not in each]
    layered = [name.strip(" ()") for layer in layers for name in layer.split("|")]
    assert len(layered) == len(set(layered))
    assert {*PACKAGES, "benchmarks"} <= set(layered)


def test_unit_tests_lie_as_the_code_does() -> None:
    tests = [path for path in our_files() if path.is_relative_to(ROOT / "tests/unit") and path.name.startswith("test_")]
    assert len(tests) > 100
    assert [shown(path) for path in tests if not _is_beside_its_module(path)] == []


def _is_beside_its_module(test: Path) -> bool:
    """Whether `tests/unit/<folder>/test_<name>[_aspect].py` names a module or a package of `<folder>`."""
    folder = ROOT / test.parent.relative_to(ROOT / "tests/unit")
    name = test.stem.removeprefix("test_")
    modules = {path.stem for path in folder.glob("[!_]*.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return any(name == each or name.startswith(f"{each}_") for each in modules | packages)
