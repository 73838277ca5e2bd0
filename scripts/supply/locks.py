"""What a lock pins: each package with its version and the hashes of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import SluiceError

ROOT = Path(__file__).resolve().parents[2]
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^ \\\n]+)((?: \\\n +--hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """A package of a lock; a file of it is accepted when its SHA-256 is one of the hashes."""

    version: str
    hashes: tuple[str, ...]


def canonical(name: str) -> str:
    """The name of a package in the one spelling by which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, Pin]:
    """What a lock in the root of the checkout pins, by name.

    Raises:
        SluiceError: a line names a package without a version and a hash.
    """
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = {
        canonical(name): Pin(version, tuple(re.findall(r"sha256:([0-9a-f]{64})", hashes)))
        for name, version, hashes in _PINNED.findall(text)
    }
    named = {canonical(name) for name in re.findall(r"^([A-Za-z0-9][A-Za-z0-9_.-]*)", text, re.MULTILINE)}
    if loose := sorted(named - found.keys()):
        raise SluiceError(f"{lock}: {loose[0]} has no version or no hash", "Resolve anew:  make lock")
    return found
