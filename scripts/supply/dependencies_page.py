"""What is made of docs/dependencies.md: versions and sizes. The arguments for each package are written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.stack import STACKS
from scripts.supply.locks import ROOT, canonical
from scripts.supply.markdown import row, rule
from scripts.supply.packages import Package, Packages
from scripts.supply.setup_file import direct_dependencies

PAGE = ROOT / "docs/dependencies.md"
_MADE = re.compile(r"(<!-- Made by `make licences`[^\n]*-->\n).*?(<!-- The end of what is made. -->)", re.DOTALL)
_SHOWN = {"light": "the gates alone", "pipeline": "the pipeline, besides", "development": "tests and lint, besides"}


def page(stacks: dict[str, Packages]) -> str:
    """The page as it is, with its tables made anew."""
    tables = "\n".join([*_direct(stacks), "", *_totals(stacks)])
    return _MADE.sub(lambda match: f"{match[1]}\n{tables}\n\n{match[2]}", PAGE.read_text(encoding="utf-8"))


def _direct(stacks: dict[str, Packages]) -> Iterator[str]:
    scopes: dict[str, str] = {}
    for stack in STACKS:
        for scope, found in direct_dependencies(stack).items():
            for each in found:
                scopes.setdefault(canonical(each.name), scope)
    yield row(["package", "needed by", *(f"{stack.name}, MB" for stack in STACKS)])
    yield rule(2 + len(STACKS), numbers=len(STACKS))
    for name, scope in sorted(scopes.items()):
        yield row([name, scope, *(_version(stacks[stack.name].get(name)) for stack in STACKS)])


def _totals(stacks: dict[str, Packages]) -> Iterator[str]:
    yield row(["with all that they bring along", *(f"{stack.name}: packages, MB" for stack in STACKS)])
    yield rule(1 + len(STACKS), numbers=len(STACKS))
    for scope, shown in _SHOWN.items():
        parts = [[each for each in stacks[stack.name].values() if each.scope == scope] for stack in STACKS]
        yield row([shown, *(f"{len(part)}, {sum(each.megabytes for each in part):,.0f}" for part in parts)])


def _version(package: Package | None) -> str:
    return f"{package.version}, {package.megabytes:,.1f}" if package else "–"
