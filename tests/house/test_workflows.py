"""The workflows of .github run what the Makefile runs, on both stacks and the light installation, with few rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from core.stack import STACKS
from tests.samples.folders import ROOT

WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github/workflows").glob("*.yml"))
}
JOBS = {f"{file}: {name}": job for file, workflow in WORKFLOWS.items() for name, job in workflow["jobs"].items()}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# The C library of GitHub's machines: that of the Ubuntu that they run.
GLIBC = {"ubuntu-22.04": (2, 35), "ubuntu-24.04": (2, 39)}


def steps(key: str) -> Iterator[Any]:
    """What each step of each job has under a key."""
    return (step[key] for job in JOBS.values() for step in job["steps"] if key in step)


def combinations(job: dict) -> list[dict[str, str]]:
    """The runs of a job with a matrix."""
    matrix = dict(job["strategy"]["matrix"])
    runs: list[dict[str, str]] = [{}] if len(matrix.keys() - {"include"}) else []
    for name, values in matrix.items():
        if name != "include":
            runs = [{**run, name: value} for run in runs for value in values]
    return [*runs, *matrix.get("include", [])]


def test_each_command_is_a_target_of_make_or_what_a_target_runs() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, flags=re.MULTILINE))
    commands = [line for run in steps("run") for line in run.splitlines()]
    assert len(commands) > 4
    for command in commands:
        program, *words = command.split()
        known = words[0] in targets if program == "make" else f"\t@{program} {words[0]}" in MAKEFILE
        assert known, command


def test_each_action_is_pinned_by_the_commit_of_a_release() -> None:
    lines = re.findall(
        r"uses: (.*)", "\n".join(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml"))
    )
    assert len(lines) == len(list(steps("uses"))) > 4
    pinned = re.compile(r"(?:actions|astral-sh)/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in lines if not pinned.fullmatch(line)] == []
    assert len({(line.split("@")[0], line) for line in lines}) == len({line.split("@")[0] for line in lines})


@pytest.mark.parametrize("file", WORKFLOWS)
def test_a_workflow_may_read_the_code_and_nothing_else(file: str) -> None:
    assert WORKFLOWS[file]["permissions"] == {"contents": "read"}
    assert WORKFLOWS[file]["concurrency"]["group"]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_ends_keeps_no_credentials_and_takes_no_more_rights(name: str) -> None:
    job = JOBS[name]
    assert 0 < job["timeout-minutes"] <= 120
    assert "permissions" not in job
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


def test_each_stack_is_tested_where_its_packages_load() -> None:
    job = JOBS["tests.yml: stack"]
    runs = {run["stack"]: run for run in combinations(job)}
    assert runs.keys() == {stack.name for stack in STACKS}
    for stack in STACKS:
        assert GLIBC[runs[stack.name]["system"]] >= stack.glibc
        assert runs[stack.name]["lock"] == stack.lock
    assert job["env"]["SLUICE_STACK"] == "${{ matrix.stack }}"
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make setup", "make test"]


def test_the_light_installation_is_tried_on_three_systems_and_each_python() -> None:
    job = JOBS["tests.yml: light"]
    found = {(run["system"].partition("-")[0], run["python"]) for run in combinations(job)}
    pythons = ("3.10", "3.11", "3.12", "3.13", "3.14")
    assert found == {(system, python) for system in ("ubuntu", "macos", "windows") for python in pythons}


def test_what_is_downloaded_is_kept_by_the_lock_that_names_it() -> None:
    for job in JOBS.values():
        for step in job["steps"]:
            options = step.get("with", {})
            if "key" in options:
                assert "hashFiles(matrix.lock)" in options["key"]
            if named := options.get("cache-dependency-path") or options.get("cache-dependency-glob"):
                assert (ROOT / named).is_file()
