"""`make sbom`: a bill of materials of each stack that holds what the lock holds, and is the same each time."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from core.stack import STACKS
from scripts.supply import packages
from scripts.supply.locks import pins
from tests.samples.folders import ROOT

PYTHON = ROOT / ".tools/sbom/bin/python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="CycloneDX's library is not there:  make sbom")


def bills(folder: Path, seed: int) -> dict[str, str]:
    """The bills by the name of their stack; the seed is that of Python's hashes, which orders sets."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(seed)}
    command = [PYTHON, "-m", "scripts.supply.sbom", "--folder", folder]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return {path.name.partition(".")[0]: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return bills(tmp_path_factory.mktemp("sbom"), seed=1)


def test_the_same_locks_give_the_same_bytes(made: dict[str, str], tmp_path: Path) -> None:
    assert bills(tmp_path, seed=2) == made
    assert all("timestamp" not in json.loads(bill)["metadata"] for bill in made.values())


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
class TestBill:
    def test_holds_the_packages_of_the_lock_with_their_hashes(self, made: dict[str, str], stack) -> None:
        found = {
            part["name"]: (part["version"], {each["content"] for each in part["hashes"]})
            for part in json.loads(made[stack.name])["components"]
        }
        assert found == {name: (pin.version, set(pin.hashes)) for name, pin in pins(stack.lock).items()}

    def test_names_the_licence_of_each_package(self, made: dict[str, str], stack) -> None:
        assert [part["name"] for part in json.loads(made[stack.name])["components"] if not part["licenses"]] == []

    def test_tells_what_runs_from_what_serves_development(self, made: dict[str, str], stack) -> None:
        found = {part["name"] for part in json.loads(made[stack.name])["components"] if part["scope"] == "excluded"}
        kept = packages.read()[stack.name]
        assert found == {name for name, package in kept.items() if package.scope == "development"}

    def test_says_what_needs_what(self, made: dict[str, str], stack) -> None:
        bill = json.loads(made[stack.name])
        needs = {each["ref"]: set(each.get("dependsOn", [])) for each in bill["dependencies"]}
        assert needs.keys() == {part["bom-ref"] for part in bill["components"]} | {"sluice"}
        reached, waiting = set(), ["sluice"]
        while waiting:
            reached.add(ref := waiting.pop())
            waiting += needs[ref] - reached
        assert reached == needs.keys()
