"""docs/dependencies.md argues for each direct dependency, and for nothing that is gone."""

import re

import pytest

from core.stack import STACKS
from runners.doctor import ROOT


def direct_dependencies() -> set[str]:
    lines = re.findall(r'^    "([A-Za-z0-9_-]+)[^"]*",$', (ROOT / "setup.py").read_text(), re.MULTILINE)
    return {name.lower() for name in lines}


def test_each_direct_dependency_is_argued_for_and_nothing_else():
    page = (ROOT / "docs/dependencies.md").read_text()
    first_cells = re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
    argued = {name.lower() for cell in first_cells for name in re.findall(r"`([A-Za-z0-9_-]+)", cell)}
    assert argued == direct_dependencies()


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
