"""Which licences of the runtime need a person's word, and the words that were given (`judged.yaml`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from scripts.supply.licence_terms import Terms, file_copyleft_in, terms_of
from scripts.supply.packages import Package, Packages

FILE = Path(__file__).with_name("judged.yaml")


@dataclass(frozen=True)
class Judgement:
    """Why a package may be used in a product, and where that can be read."""

    reason: str
    source: str
    of: list[str] = field(default_factory=list)
    """The licences that it judges; another one that comes with a newer version needs another word."""
    licence: str | None = None
    versions: list[str] = field(default_factory=list)

    def licence_of(self, package: Package) -> str | None:
        """The licence that was found by reading, where the metadata of this version names none."""
        return self.licence if package.version in self.versions else None


Judgements = dict[str, Judgement]


def read() -> Judgements:
    """The judgements by name of the package."""
    lines = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: Judgement(**fields) for name, fields in lines.items()}


def licence_of(name: str, package: Package, judged: Judgements) -> str | None:
    """The licence of a package: of its metadata, or as it was judged."""
    return package.licence or (judged[name].licence_of(package) if name in judged else None)


def findings(stacks: dict[str, Packages], judged: Judgements) -> list[str]:
    """What stands against the use of the runtime in a product, a sentence each. What serves development is left out."""
    found = [
        f"{stack}: {name} {package.version} {fault}"
        for stack, packages in stacks.items()
        for name, package in packages.items()
        if package.scope != "development"
        for fault in _faults(name, package, judged)
    ]
    return [*found, *_not_needed([each for packages in stacks.values() for each in packages.items()], judged)]


def _not_needed(packages: Iterable[tuple[str, Package]], judged: Judgements) -> Iterator[str]:
    needed: dict[str, set[str]] = {}
    for name, package in packages:
        if package.scope != "development" and (package.licence is None or _to_be_judged(package)):
            needed.setdefault(name, set()).update(_to_be_judged(package))
    for name, judgement in judged.items():
        if name not in needed:
            yield f"judged.yaml: no package of the runtime needs the line of {name}"
        elif more := sorted(set(judgement.of) - needed[name]):
            yield f"judged.yaml: {name} has no {', '.join(more)} any more"


def _faults(name: str, package: Package, judged: Judgements) -> Iterator[str]:
    licence = licence_of(name, package, judged)
    terms = terms_of(licence)
    if terms is Terms.FORBIDDEN:
        yield f"is under {licence}, which a product cannot use"
    elif terms is Terms.UNKNOWN:
        yield f"is under {licence or 'no licence that its metadata names'}: judge it in scripts/supply/judged.yaml"
    elif more := sorted(_to_be_judged(package) - set(judged[name].of if name in judged else ())):
        yield f"needs a word in scripts/supply/judged.yaml on {', '.join(more)}"


def _to_be_judged(package: Package) -> set[str]:
    return file_copyleft_in(package.licence) | set(package.bundled)
