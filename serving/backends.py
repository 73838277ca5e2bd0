"""The list of the kinds of place where versions for a server can lie."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping

from core.errors import SluiceError
from serving.local_folder import LocalVersionFolder
from serving.version_folder import VersionFolder

# By the part before `://` of a place; a place without it is a local folder. What speaks to Google Cloud lies in a room
# above this one, which may not be imported here: it is named by its dotted path.
BACKENDS: Mapping[str, Callable[[str], VersionFolder] | str] = {
    "": LocalVersionFolder,
    "gs": "cloud.bucket_versions:BucketVersionFolder",
}


def version_folder_at(place: str) -> VersionFolder:
    """The folder of versions at `place`: a local folder, or `gs://bucket/folder`.

    Raises:
      SluiceError: when there is no such kind of place.
    """
    scheme, mark, _ = place.partition("://")
    found = BACKENDS.get(scheme if mark else "")
    if found is None:
        known = ", ".join(f"{name}://…" if name else "a folder" for name in BACKENDS)
        raise SluiceError(f"versions cannot be kept in {place}; a place for them is {known}.")
    make: Callable[[str], VersionFolder] = pkgutil.resolve_name(found) if isinstance(found, str) else found
    return make(place)
