"""The list of the kinds of place where rollouts can be recorded."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import SluiceError
from serving.rollout.folder_store import FolderStore
from serving.rollout.store import RolloutStore

# By the part before `://` of a place; a place without it is a local folder. What speaks to Google Cloud lies in a room
# above this one, which may not be imported here: it is named by its dotted path.
BACKENDS: Mapping[str, Callable[[str, str], RolloutStore] | str] = {
    "": lambda folder, workload: FolderStore(Path(folder), workload),
    "gs": "cloud.bucket_rollouts:BucketStore",
}


def store_at(output: str, workload: str) -> RolloutStore:
    """The rollouts of a workload, recorded below the output of the runs: a local folder, or `gs://bucket/folder`.

    Raises:
      SluiceError: when there is no such kind of place.
    """
    scheme, mark, _ = output.partition("://")
    found = BACKENDS.get(scheme if mark else "")
    if found is None:
        known = ", ".join(f"{name}://…" if name else "a folder" for name in BACKENDS)
        raise SluiceError(f"rollouts cannot be recorded in {output}; a place for them is {known}.")
    make: Callable[[str, str], RolloutStore] = pkgutil.resolve_name(found) if isinstance(found, str) else found
    return make(output, workload)
