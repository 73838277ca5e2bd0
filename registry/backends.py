"""The list of registries, by the kind of their place."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import SluiceError
from registry.contract import ModelRegistry
from registry.folder import FolderRegistry

# By the part before `://` of a place; a place without it is a local folder. What speaks to Google Cloud lies in a room
# above this one, which may not be imported here: its backend is named by its dotted path.
BACKENDS: Mapping[str, Callable[[str], ModelRegistry] | str] = {
    "": lambda where: FolderRegistry(Path(where)),
    "gs": "cloud.bucket_registry:BucketRegistry",
}


def registry_at(place: str) -> ModelRegistry:
    """The registry at `place`: a folder, or `<backend>://<where>`.

    Raises:
      SluiceError: when there is no such backend, or it cannot have this place.
    """
    backend, _, where = place.rpartition("://")
    if backend not in BACKENDS:
        known = ", ".join(f"{name}://…" if name else "a folder" for name in BACKENDS)
        raise SluiceError(f"no registry is called `{backend}` ({place}); a registry is {known}.")
    found = BACKENDS[backend]
    make: Callable[[str], ModelRegistry] = pkgutil.resolve_name(found) if isinstance(found, str) else found
    return make(where)
