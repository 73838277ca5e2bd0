"""What the pages name is there: links, files, modules, commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.samples.folders import ROOT
from tests.samples.pages import FENCE, blocks_of

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "benchmarks").glob("*.md")))
# Folders of the repository; `out/` and `data/` are made by commands.
PACKAGES = {init.parent.name for init in ROOT.glob("*/__init__.py")}
FOLDERS = PACKAGES | {"schema", "configs", "docs", "scripts"}
# Sections of the configuration are called as some of our packages are: `registry.enabled` is no module.
SECTIONS = {"preprocessing", "gates", "registry", "serving"}
NAMED_BY_PATTERN = re.compile(r"[<>*…{]|[A-Z]{4,}")  # `configs/<name>.yaml`, `benchmarks/*.md`


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


def written_by(page: Path) -> set[str]:
    """The files that a reader of the page writes."""
    return {
        name
        for block in blocks_of(page.read_text(encoding="utf-8"))
        for key, name in block.instructions.items()
        if key in ("file", "entry", "makes")
    }


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_path_is_there(page: Path) -> None:
    known = written_by(page)
    for path in paths_in(page):
        assert (ROOT / path).exists() or path in known, path


def paths_in(page: Path) -> Iterator[str]:
    """What is written as a path inside the repository, in backticks or in a command."""
    text = page.read_text(encoding="utf-8")
    commands = [command for block in blocks_of(text) for command in block.body.splitlines() if "python " in command]
    for code in (*re.findall(r"`([^`\n]+)`", prose(page)), *commands):
        for word in code.split():
            if word.partition("/")[0] in FOLDERS and "/" in word and not NAMED_BY_PATTERN.search(word):
                yield word.rstrip(",.:;")


def test_every_module_is_there(page: Path) -> None:
    known = written_by(page)
    for name in modules_in(page):
        path = name.replace(".", "/")
        found = {f"{path}.py", f"{path}/__init__.py"}
        assert found & known or any((ROOT / each).exists() for each in found), name


def modules_in(page: Path) -> Iterator[str]:
    """Our modules that the page names in backticks, imports in its code or runs by `python -m`."""
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:\w+\.)+\w+)`", prose(page)):
        room, _, rest = name.partition(".")
        if room in FOLDERS - SECTIONS and rest not in ("md", "json"):
            yield name
    for name in re.findall(r"python3? -m ((?:\w+\.)*\w+)", text):
        if name.partition(".")[0] in FOLDERS:
            yield name
    for block in blocks_of(text):
        if block.language == "python" and "file" in block.instructions:
            for node in ast.walk(ast.parse(block.body)):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in FOLDERS:
                    yield node.module


def test_every_target_of_make_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)) <= targets


def test_the_readme_is_a_screen_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 100


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            links = re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8"))
            waiting += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert set(PAGES) <= reached
