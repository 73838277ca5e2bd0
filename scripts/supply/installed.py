"""What the installed packages say of themselves: licence, licence texts, and what they need."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.requirements import Requirement

from core.stack import Stack
from scripts.supply.licence_terms import expression_of
from scripts.supply.locks import canonical
from scripts.supply.setup_file import applies

Distributions = Mapping[tuple[str, str], importlib.metadata.Distribution]

_LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|third)", re.IGNORECASE)
_CODE = {".py", ".pyc", ".js", ".h", ".html"}
# The heading of a licence, or its short name with a version. That a text only speaks of the GPL (as that of the MPL and
# of Python do) is no finding.
_HEADING = re.compile(r"GNU (AFFERO |LESSER |LIBRARY )?GENERAL PUBLIC LICENSE\s+Version (\d)")
_SHORT = re.compile(r"\b([AL]?)GPL(?:v| v|-| )?(\d)")
_OTHERS = re.compile(
    r"SSPL|Server Side Public License|BUSL|Business Source License|Commons Clause"
    r"|non-?commercial (?:use|purposes) only",
    re.IGNORECASE,
)
# Libraries of compilers that wheels bundle, also where no licence file says so.
_LIBRARIES = {"libgfortran": "GPL-3", "libgomp": "GPL-3", "libquadmath": "LGPL-2", "libiconv": "LGPL-2"}
_LETTERS = {"AFFERO ": "A", "LESSER ": "L", "LIBRARY ": "L", "": ""}


def distributions(environments: Iterable[Path]) -> Distributions:
    """The packages of virtual environments by name and version; the first environment that has one counts."""
    found: dict[tuple[str, str], importlib.metadata.Distribution] = {}
    for environment in environments:
        folders = [str(folder) for folder in environment.glob("lib/python3.*/site-packages")]
        for distribution in importlib.metadata.distributions(path=folders):
            found.setdefault((canonical(distribution.metadata["Name"]), distribution.version), distribution)
    return found


def licence(distribution: importlib.metadata.Distribution) -> str | None:
    """The licence as an SPDX expression, or None where the metadata names none that is known here."""
    stated, field, classifiers = (
        distribution.metadata.get_all(name) or [] for name in ("License-Expression", "License", "Classifier")
    )
    return expression_of([*stated, *field], [each for each in classifiers if each.startswith("License ::")])


def bundled(distribution: importlib.metadata.Distribution) -> list[str]:
    """Licences that a product could not use as they are, like "GPL-3", by the licence files and libraries of a package.

    A wheel may bundle libraries of which the licence of the package does not speak.
    """
    found: set[str] = set()
    for file in distribution.files or []:
        if strict := _LIBRARIES.get(re.split(r"[-.]", file.name)[0]):
            found.add(strict)
        if _LICENCE_FILE.match(file.name) and file.suffix not in _CODE:
            path = Path(str(file.locate()))
            if path.is_file():
                found |= _strict_licences(path.read_text(encoding="utf-8", errors="replace"))
    return sorted(found)


def _strict_licences(text: str) -> set[str]:
    headings = {f"{_LETTERS[kind]}GPL-{version}" for kind, version in _HEADING.findall(text)}
    return (
        headings | {f"{letter}GPL-{version}" for letter, version in _SHORT.findall(text)} | set(_OTHERS.findall(text))
    )


def needs(distribution: importlib.metadata.Distribution, extras: tuple[str, ...], stack: Stack) -> list[Requirement]:
    """What a package needs on the stack, with the extras that are asked for."""
    lines = [Requirement(line) for line in distribution.requires or []]
    return [requirement for requirement in lines if applies(requirement, extras, stack)]


def size(distribution: importlib.metadata.Distribution) -> int:
    """The bytes of a package's files as installed, without the bytecode that is made of them."""
    files = [Path(str(file.locate())) for file in distribution.files or [] if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in files if path.is_file())
