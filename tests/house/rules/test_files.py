"""The rules for every file."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.rules.tree import our_files, shown
from tests.samples.folders import ROOT


def test_no_file_of_code_is_over_400_lines() -> None:
    code = [path for path in our_files() if path.suffix in {".py", ".sh", ".j2", ".css", ".js"}]
    assert len(code) > 30
    assert {shown(path): n for path in code if (n := _lines(path)) > 400} == {}


def test_the_pipeline_fits_on_one_page() -> None:
    assert _lines(ROOT / "pipeline/pipeline.py") <= 200


def test_no_path_of_a_machine_and_no_package_index_is_named() -> None:
    forbidden = re.compile(r"/home/\w+|/root/|/work/|https?://[\w.]*(pypi|pythonhosted)\.org")
    readable = [path for path in our_files() if path.suffix not in {".png", ".pb", ".xz"} and path != Path(__file__)]
    guilty = [
        f"{shown(path)}: {found[0]}"
        for path in readable
        if (found := forbidden.search(path.read_text(encoding="utf-8")))
    ]
    assert guilty == []


def test_every_direct_dependency_has_its_line_in_the_docs() -> None:
    named = set(re.findall(r'^    "([A-Za-z0-9-]+)', (ROOT / "setup.py").read_text(), flags=re.MULTILINE))
    documented = (ROOT / "docs/dependencies.md").read_text().lower()
    assert len(named) > 20
    assert {name for name in named if name.lower() not in documented} == set()


def test_no_module_is_a_drawer_for_whatever_has_no_place() -> None:
    assert [shown(path) for path in our_files() if path.stem in {"utils", "util", "helpers", "common", "misc"}] == []


def test_ruff_formats_every_line() -> None:
    spared = re.compile(r"#\s*fmt:\s*(skip|off)")
    code = [path for path in our_files() if path.suffix == ".py"]
    assert [shown(path) for path in code if spared.search(path.read_text(encoding="utf-8"))] == []


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
