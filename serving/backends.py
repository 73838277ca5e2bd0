"""The lists of the kinds of place: where versions for a server can lie, and where an endpoint can be."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import SluiceError
from serving.contract import Endpoint
from serving.local.endpoint import LocalEndpoint
from serving.local_folder import LocalVersionFolder
from serving.protocol.token import TOKEN
from serving.version_folder import VersionFolder

# By the part before `://` of a place; a place without it is a local folder. What speaks to Google Cloud lies in a room
# above this one, which may not be imported here: it is named by its dotted path.
BACKENDS: Mapping[str, Callable[[str], VersionFolder] | str] = {
    "": LocalVersionFolder,
    "gs": "cloud.bucket_versions:BucketVersionFolder",
}
ENDPOINTS: Mapping[str, Callable[[str, str], Endpoint] | str] = {
    "": lambda folder, workload: LocalEndpoint(Path(folder), workload, os.environ.get(TOKEN, "")),
    "vertex": "cloud.endpoint.backend:endpoint_of",
}


def version_folder_at(place: str) -> VersionFolder:
    """The folder of versions at `place`: a local folder, or `gs://bucket/folder`.

    Raises:
      SluiceError: when there is no such kind of place.
    """
    found = BACKENDS.get(_scheme(place))
    if found is None:
        raise SluiceError(f"versions cannot be kept in {place}; a place for them is {_known(BACKENDS)}.")
    folder: VersionFolder = _callable(found)(place)
    return folder


def endpoint_at(place: str, workload: str) -> Endpoint:
    """The endpoint of a workload at `place`: the local folder of versions that `python -m serving` runs on, or
    `vertex://PROJECT/REGION/ENVIRONMENT?…` (cloud/endpoint/options.py).

    Raises:
      SluiceError: when there is no such kind of place, or its text does not say what the endpoint needs.
    """
    found = ENDPOINTS.get(_scheme(place))
    if found is None:
        raise SluiceError(f"no endpoint can be at {place}; a place for one is {_known(ENDPOINTS)}.")
    endpoint: Endpoint = _callable(found)(place, workload)
    return endpoint


def _scheme(place: str) -> str:
    scheme, mark, _ = place.partition("://")
    return scheme if mark else ""


def _callable(found: Any) -> Callable[..., Any]:
    named: Callable[..., Any] = pkgutil.resolve_name(found) if isinstance(found, str) else found
    return named


def _known(schemes: Iterable[str]) -> str:
    return ", ".join(f"{name}://…" if name else "a folder" for name in schemes)
