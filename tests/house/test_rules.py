"""The rules that keep the house in order."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.samples.folders import ROOT


def _our_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_no_file_of_code_is_over_400_lines() -> None:
    code = [path for path in _our_files() if path.suffix in {".py", ".sh", ".j2", ".css", ".js"}]
    assert len(code) > 30
    assert {str(path.relative_to(ROOT)): n for path in code if (n := _lines(path)) > 400} == {}


def test_the_pipeline_fits_on_one_page() -> None:
    assert _lines(ROOT / "pipeline/pipeline.py") <= 200


def test_no_path_of_a_machine_and_no_package_index_is_named() -> None:
    forbidden = re.compile(r"/home/\w+|/root/|/work/|https?://[\w.]*(pypi|pythonhosted)\.org")
    readable = [path for path in _our_files() if path.suffix not in {".png", ".pb"} and path != Path(__file__)]
    guilty = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in readable
        if (found := forbidden.search(path.read_text(encoding="utf-8")))
    ]
    assert guilty == []


def test_every_direct_dependency_has_its_line_in_the_docs() -> None:
    named = set(re.findall(r'^    "([A-Za-z0-9-]+)', (ROOT / "setup.py").read_text(), flags=re.MULTILINE))
    documented = (ROOT / "docs/dependencies.md").read_text().lower()
    assert len(named) > 20
    assert {name for name in named if name.lower() not in documented} == set()


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
