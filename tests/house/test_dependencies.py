"""docs/dependencies.md argues for each direct dependency, and for nothing that is gone."""

import re

from runners.doctor import ROOT


def direct_dependencies() -> set[str]:
    lines = re.findall(r'^    "([A-Za-z0-9_-]+)[^"]*",$', (ROOT / "setup.py").read_text(), re.MULTILINE)
    return {name.lower() for name in lines}


def test_each_direct_dependency_is_argued_for_and_nothing_else():
    page = (ROOT / "docs/dependencies.md").read_text()
    first_cells = re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
    argued = {name.lower() for cell in first_cells for name in re.findall(r"`([A-Za-z0-9_-]+)", cell)}
    assert argued == direct_dependencies()
