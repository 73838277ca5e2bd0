"""Which licences of the runtime need a person's word, and the words that were given (`judged.yaml`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from scripts.supply.licence_terms import Terms, terms_of
from scripts.supply.packages import Package, Packages

FILE = Path(__file__).with_name("judged.yaml")


@dataclass(frozen=True)
class Judgement:
    """Why a package may be used in a product, and where that can be read."""

    reason: str
    source: str
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
    needed = {name for packages in stacks.values() for name, package in packages.items() if _needs_a_word(package)}
    return found + [
        f"judged.yaml: no package of the runtime needs the line of {name}" for name in judged.keys() - needed
    ]


def _faults(name: str, package: Package, judged: Judgements) -> Iterator[str]:
    licence = licence_of(name, package, judged)
    terms = terms_of(licence)
    if terms is Terms.FORBIDDEN:
        yield f"is under {licence}, which a product cannot use"
    elif terms is Terms.UNKNOWN:
        yield f"is under {licence or 'no licence that its metadata names'}: judge it in scripts/supply/judged.yaml"
    elif _needs_a_word(package) and name not in judged:
        what = ", ".join(package.strict_texts) or licence
        yield f"needs a line in scripts/supply/judged.yaml for {what}"


def _needs_a_word(package: Package) -> bool:
    if package.scope == "development":
        return False
    return terms_of(package.licence) is not Terms.PERMISSIVE or bool(package.strict_texts)
