"""The packages of a stack as virtual environments have them installed: licences, sizes, and what needs what."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

from core.errors import SluiceError
from core.stack import Stack
from scripts.supply.installed import Distributions, bundled, distributions, licence, needs, size
from scripts.supply.locks import canonical, pins
from scripts.supply.packages import Package, Packages
from scripts.supply.setup_file import direct_dependencies


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
            bundled=bundled(installed[name, version]),
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
