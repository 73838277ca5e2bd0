"""The list of registries, by the kind of their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import SluiceError
from registry.contract import ModelRegistry
from registry.folder import FolderRegistry

# By the part before `://` of a place; a place without it is a local folder.
BACKENDS: Mapping[str, Callable[[str], ModelRegistry]] = {
    "": lambda where: FolderRegistry(Path(where)),
}


def registry_at(place: str) -> ModelRegistry:
    """The registry at `place`: a folder, or `<backend>://<where>`.

    Raises:
      SluiceError: when there is no such backend.
    """
    backend, _, where = place.rpartition("://")
    if backend not in BACKENDS:
        known = ", ".join(f"{name}://…" if name else "a folder" for name in BACKENDS)
        raise SluiceError(f"no registry is called `{backend}` ({place}); a registry is {known}.")
    return BACKENDS[backend](where)
