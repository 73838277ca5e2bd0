"""docs/extending.md is true: each recipe, followed block by block in a copy of the repository, adds what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.house.rules.raised_errors import error_makers, exceptions_in_prose, undocumented
from tests.house.rules.tree import modules
from tests.samples.folders import ROOT
from tests.samples.pages import Block, apply_diff, blocks_of, copy_of_repository, section_of, write_block

PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
RECIPES = ("A check", "A format", "A model", "A component", "A backend")
STEPS = ("File", "Contract", "Registration", "Test")
BIN = Path(sys.executable).parent


def run(clone: Path, command: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it in the clone, where `python` is this environment's."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(clone)}
    return subprocess.run(
        ["sh", "-c", command], cwd=clone, capture_output=True, text=True, timeout=600, env=environment
    )


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> str:
    return section_of(PAGE, request.param)


@pytest.fixture(scope="module")
def clone(recipe: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which the files and lines of the recipe are, before any of its commands was typed."""
    clone = copy_of_repository(tmp_path_factory.mktemp("clone") / "sluice")
    for block in blocks_of(recipe):
        write_block(block, clone)
    return clone


def written(recipe: str) -> list[Block]:
    return [block for block in blocks_of(recipe) if {"file", "change", "append"} & set(block.instructions)]


def test_has_a_file_a_contract_a_registration_and_a_test_in_this_order(recipe: str) -> None:
    places = [recipe.index(f"**{step}.**") for step in STEPS]
    assert places == sorted(places)


def test_names_every_file_in_the_text_above_its_block(recipe: str) -> None:
    for block in written(recipe):
        for name in {"file", "change", "append"} & set(block.instructions):
            assert f"`{block.instructions[name]}`" in block.above


def test_registers_by_one_line_a_place(recipe: str) -> None:
    changes = [block for block in written(recipe) if "file" not in block.instructions]
    registrations = [block for block in changes if block.language != "python"]  # Python at the end of a file is a test
    assert registrations
    for block in registrations:
        sign = "" if "append" in block.instructions else "+"
        for place in block.body.split("@@\n"):
            added = [line.removeprefix(sign).strip() for line in place.splitlines() if line.startswith(sign)]
            lines = [line for line in added if line and not line.startswith("#") and line != "profiles:"]
            assert len(lines) == 1


def test_a_kept_example_is_not_written_a_second_time(recipe: str, clone: Path) -> None:
    names = {name for block in written(recipe) for name in block.instructions.values()}
    once = {name: (clone / name).read_text(encoding="utf-8") for name in names}
    for block in written(recipe):
        write_block(block, clone)
    assert {name: (clone / name).read_text(encoding="utf-8") for name in names} == once


def test_finds_each_place_by_one_line_whatever_stands_beside_it(recipe: str, tmp_path: Path) -> None:
    for block in [block for block in written(recipe) if "change" in block.instructions]:
        file = tmp_path / "file"
        for place in block.body.split("@@\n"):
            [anchor] = [line[1:] for line in place.splitlines() if not line.startswith("+")]
            file.write_text(f"before\n{anchor}\nafter\n", encoding="utf-8")
            apply_diff(place, file)
            added = "".join(f"{line[1:]}\n" for line in place.splitlines() if line.startswith("+"))
            text = file.read_text(encoding="utf-8")
            assert text in (f"before\n{anchor}\n{added}after\n", f"before\n{added}{anchor}\nafter\n")


def test_a_profile_goes_below_those_that_the_workload_has(tmp_path: Path) -> None:
    [block] = [block for block in written(section_of(PAGE, "A model")) if block.language == "yaml"]
    file = tmp_path / block.instructions["append"]
    file.parent.mkdir()
    file.write_text("profiles:\n  quick: {train: {epochs: 1}}\n", encoding="utf-8")
    write_block(block, tmp_path)
    write_block(block, tmp_path)
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["profiles"].keys() == {"linear", "quick"}
    assert file.read_text(encoding="utf-8").count("linear:") == 1


def test_its_commands_end_well_and_its_test_is_among_them(recipe: str, clone: Path) -> None:
    quick = [block for block in blocks_of(recipe) if "e2e" not in block.instructions]
    commands = [command for block in quick for command in block.commands]
    assert any(" -m pytest " in command for command in commands)
    for command in commands:
        done = run(clone, command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_what_it_writes_passes_the_lint(recipe: str, clone: Path) -> None:
    files = " ".join(name for block in written(recipe) for name in block.instructions.values() if name.endswith(".py"))
    # As the page says: a line of somebody else's may stand where the import of the example belongs.
    sorted_first = f"python -m ruff check --fix-only --select I {files}"
    done = run(clone, f"{sorted_first} && python -m ruff check {files} && python -m ruff format --check {files}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_writes_documents_the_errors_that_leave_it(recipe: str, clone: Path) -> None:
    makers = set().union(*(error_makers(path.read_text(encoding="utf-8")) for path in modules()))
    names = {block.instructions.get("file", "") for block in written(recipe)}
    sources = [
        (clone / name).read_text(encoding="utf-8") for name in names if name.endswith(".py") and "test" not in name
    ]
    makers |= set().union(*map(error_makers, sources))
    assert sources
    assert [undocumented(source, makers) + exceptions_in_prose(source) for source in sources] == [[]] * len(sources)


@pytest.mark.e2e
@pytest.mark.parametrize("recipe", [title for title in RECIPES if " e2e=" in section_of(PAGE, title)])
def test_its_runs_end_well(recipe: str, tmp_path: Path) -> None:
    blocks = blocks_of(section_of(PAGE, recipe))
    clone = copy_of_repository(tmp_path / "sluice")
    for block in blocks:
        write_block(block, clone)
    for command in (each for block in blocks if "e2e" in block.instructions for each in block.commands):
        done = run(clone, command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
