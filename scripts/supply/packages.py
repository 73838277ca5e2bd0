"""Every package of both stacks with its licence, its size and what it needs; kept in `packages.json`.

The file is what the pages, the bill of materials and the tests read, for a machine has one stack installed, not both.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from core.stack import Stack
from scripts.supply.locks import pins

FILE = Path(__file__).with_name("packages.json")


@dataclass(frozen=True)
class Package:
    """A locked package."""

    version: str
    licence: str | None
    """An SPDX expression; None where the metadata names no licence that is known here."""
    bundled: list[str]
    """Licences that its licence files hold besides and that a product could not use as they are, like "GPL-3"."""
    scope: str
    """The smallest installation that needs it: light, pipeline or development."""
    needs: list[str]
    megabytes: float
    """Of its files as installed, without bytecode; 10^6 bytes."""


Packages = dict[str, Package]


def read() -> dict[str, Packages]:
    """What was kept, by stack and name."""
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    return {stack: {name: Package(**fields) for name, fields in found.items()} for stack, found in kept.items()}


def write(stacks: dict[str, Packages]) -> None:
    """Keeps what was found; the same packages give the same bytes."""
    plain = {stack: {name: asdict(package) for name, package in found.items()} for stack, found in stacks.items()}
    FILE.write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def out_of_step(stack: Stack, kept: Packages) -> list[str]:
    """The names of packages that the stack's lock pins in another version than was kept, or only one of the two has."""
    locked = {name: pin.version for name, pin in pins(stack.lock).items()}
    known = {name: package.version for name, package in kept.items()}
    return sorted(name for name in locked.keys() | known.keys() if locked.get(name) != known.get(name))
