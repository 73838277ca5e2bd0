"""The direct dependencies: what setup.py names."""

from __future__ import annotations

import runpy
from functools import lru_cache
from typing import Any

import setuptools
from packaging.markers import default_environment
from packaging.requirements import Requirement

from core.stack import Stack
from scripts.supply.locks import ROOT


def direct_dependencies(stack: Stack) -> dict[str, list[Requirement]]:
    """What setup.py names by scope (light, pipeline, development), as far as it holds on the stack."""
    return {
        scope: [each for line in lines if applies(each := Requirement(line), (), stack)]
        for scope, lines in requirement_lines().items()
    }


@lru_cache
def requirement_lines() -> dict[str, list[str]]:
    """The lines of setup.py by scope; development holds the pipeline's, too."""
    described: dict[str, Any] = {}
    original = setuptools.setup
    setuptools.setup = described.update
    try:
        runpy.run_path(str(ROOT / "setup.py"), run_name="__main__")
    finally:
        setuptools.setup = original
    extras = described["extras_require"]
    return {"light": described["install_requires"], "pipeline": extras["pipeline"], "development": extras["dev"]}


def applies(requirement: Requirement, extras: tuple[str, ...], stack: Stack) -> bool:
    """Whether a requirement holds on the stack's Python on Linux, when a package is asked for with these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**_environment(stack), "extra": extra}) for extra in ("", *extras))


def _environment(stack: Stack) -> dict[str, str]:
    python = ".".join(str(number) for number in stack.python)
    here = {key: str(value) for key, value in default_environment().items()}
    return here | {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
