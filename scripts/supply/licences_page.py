"""docs/licences.md, from what is kept about the packages and what was judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from core.stack import STACKS
from scripts.supply.judgement import Judgements, licence_of
from scripts.supply.licence_terms import BSD
from scripts.supply.locks import ROOT
from scripts.supply.markdown import row, rule
from scripts.supply.packages import Package, Packages

PAGE = ROOT / "docs/licences.md"
_TEMPLATE = Path(__file__).with_name("licences.md")
_UNSTATED = "BSD, variant not stated"


def page(stacks: dict[str, Packages], judged: Judgements) -> str:
    """The whole page."""
    runtime = {stack: _of(packages, development=False) for stack, packages in stacks.items()}
    development = {stack: _of(packages, development=True) for stack, packages in stacks.items()}
    return _TEMPLATE.read_text(encoding="utf-8").format(
        counts="\n".join(_counts(runtime, judged)),
        runtime="\n".join(_table(runtime, judged)),
        development="\n".join(_table(development, judged)),
        judged="\n".join(_judged(judged)),
    )


def _of(packages: Packages, development: bool) -> Packages:
    return {name: package for name, package in packages.items() if (package.scope == "development") == development}


def _counts(stacks: dict[str, Packages], judged: Judgements) -> Iterator[str]:
    by_stack = {
        stack: Counter(_shown(licence_of(name, package, judged)) for name, package in packages.items())
        for stack, packages in stacks.items()
    }
    total = sum(by_stack.values(), Counter[str]())
    yield row(("licence", *(f"{stack.name}: packages" for stack in STACKS)))
    yield rule(1 + len(STACKS), numbers=len(STACKS))
    for licence in sorted(total, key=lambda each: (-total[each], each)):
        yield row([licence, *(str(by_stack[stack.name][licence] or "–") for stack in STACKS)])
    yield row(["all", *(str(by_stack[stack.name].total()) for stack in STACKS)])


def _table(stacks: dict[str, Packages], judged: Judgements) -> Iterator[str]:
    yield row(["package", *(stack.name for stack in STACKS), "licence"])
    yield rule(len(STACKS) + 2)
    for name in sorted(set().union(*stacks.values())):
        found = [stacks[stack.name].get(name) for stack in STACKS]
        licences = {_shown(licence_of(name, package, judged)) for package in found if package}
        yield row([f"`{name}`", *(_version(package) for package in found), "; ".join(sorted(licences))])


def _judged(judged: Judgements) -> Iterator[str]:
    yield row(["package", "licences", "why it may be used", "read in"])
    yield rule(4)
    for name, line in sorted(judged.items()):
        yield row([f"`{name}`", ", ".join(line.of) or str(line.licence), line.reason, line.source])


def _version(package: Package | None) -> str:
    return package.version if package else "–"


def _shown(licence: str | None) -> str:
    return licence.replace(BSD, _UNSTATED) if licence else "unknown"
