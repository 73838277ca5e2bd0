"""Every package of both stacks with its licence, its size and what it needs; kept in `packages.json`.

The file is what the pages, the bill of materials and the tests read, for a machine has one stack installed, not both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.requirements import Requirement

from core.errors import SluiceError
from core.stack import Stack
from scripts.supply.installed import Distributions, distributions, licence, needs, size, strict_texts
from scripts.supply.locks import canonical, pins
from scripts.supply.setup_file import direct_dependencies

FILE = Path(__file__).with_name("packages.json")


@dataclass(frozen=True)
class Package:
    """A locked package."""

    version: str
    licence: str | None
    """An SPDX expression; None where the metadata names no licence that is known here."""
    strict_texts: list[str]
    """Licence files that hold a licence which a product could not use, to be judged by a person."""
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


def look_up(stack: Stack, environments: Iterable[Path]) -> Packages:
    """The packages of a stack, read from virtual environments that have them installed.

    Raises:
        SluiceError: a package of the lock is installed in none of the environments, or nothing needs it.
    """
    installed = distributions(environments)
    locked = {name: pin.version for name, pin in pins(stack.lock).items()}
    if missing := sorted(name for name, version in locked.items() if (name, version) not in installed):
        raise SluiceError(
            f"{stack.lock}: {len(missing)} of its {len(locked)} packages are installed in none of the environments, "
            f"{missing[0]} {locked[missing[0]]} among them",
            'Name one that has them:  make licences ARGS="--environment FOLDER"',
        )
    edges: dict[str, set[str]] = {}
    scopes: dict[str, str] = {}
    for scope, roots in direct_dependencies(stack).items():
        _follow(roots, stack, installed, locked, edges)
        for name in edges:
            scopes.setdefault(name, scope)
    if unneeded := sorted(locked.keys() - edges.keys()):
        raise SluiceError(f"{stack.lock}: nothing in setup.py needs {', '.join(unneeded)}", "Resolve anew:  make lock")
    return {
        name: Package(
            version=version,
            licence=licence(installed[name, version]),
            strict_texts=strict_texts(installed[name, version]),
            scope=scopes[name],
            needs=sorted(edges[name]),
            megabytes=round(size(installed[name, version]) / 1e6, 1),
        )
        for name, version in sorted(locked.items())
    }


def _follow(
    roots: Iterable[Requirement],
    stack: Stack,
    installed: Distributions,
    locked: dict[str, str],
    edges: dict[str, set[str]],
) -> None:
    """Adds the roots and all that they bring along, each with what it needs."""
    seen = set()
    waiting = [(canonical(root.name), tuple(sorted(root.extras))) for root in roots]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen or name not in locked:
            continue
        seen.add((name, extras))
        further = needs(installed[name, locked[name]], extras, stack)
        edges.setdefault(name, set()).update({canonical(each.name) for each in further} & locked.keys() - {name})
        waiting.extend((canonical(each.name), tuple(sorted(each.extras))) for each in further)
