"""docs/dependencies.md argues for each direct dependency, and for nothing that is gone."""

import re

import pytest

from core.stack import STACKS
from runners.doctor import ROOT
from scripts.supply import dependencies_page, packages
from scripts.supply.locks import canonical, pins


def direct_dependencies() -> set[str]:
    lines = re.findall(r'^    "([A-Za-z0-9_-]+)[^"]*",$', (ROOT / "setup.py").read_text(), re.MULTILINE)
    return {name.lower() for name in lines}


def test_each_direct_dependency_is_argued_for_and_nothing_else():
    page = (ROOT / "docs/dependencies.md").read_text()
    first_cells = re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
    argued = {name.lower() for cell in first_cells for name in re.findall(r"`([A-Za-z0-9_-]+)", cell)}
    assert argued == direct_dependencies()


def test_versions_and_sizes_are_those_of_the_locks():
    assert dependencies_page.PAGE.read_text(encoding="utf-8") == dependencies_page.page(packages.read()), (
        "make licences"
    )
    assert "| numpy | light | " in dependencies_page.page(packages.read())


def test_a_version_in_an_argument_is_one_that_is_locked():
    page = (ROOT / "docs/dependencies.md").read_text()
    cells = re.findall(r"^\| `([A-Za-z0-9_-]+)[^`]*` (\d[\w.]*(?:, \d[\w.]*)*) \|", page, re.MULTILINE)
    locks = [*(pins(stack.lock) for stack in STACKS), pins("deploy/requirements-front.lock")]
    locked = [f"{name} {pin.version}." for lock in locks for name, pin in lock.items()]
    assert len(cells) > 5
    for name, versions in cells:
        for version in versions.split(", "):
            assert any(each.startswith(f"{canonical(name)} {version}.") for each in locked), (name, version)


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_the_page_and_the_resolver_agree_with_the_stack(stack):
    page = (ROOT / "docs/dependencies.md").read_text()
    packages = len(re.findall(r"^\S+==", (ROOT / stack.lock).read_text(), re.MULTILINE))
    python, glibc = (".".join(map(str, version)) for version in (stack.python, stack.glibc))
    assert f"`{stack.lock}`, {packages} packages" in page
    assert f"| glibc {glibc} " in page
    assert f"| {stack.environment_gb} GB " in page
    resolver = (ROOT / "scripts/lock_dependencies.sh").read_text()
    assert f"compile_for {python} {glibc.replace('.', '_')} " in resolver
