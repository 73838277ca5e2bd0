"""Names of resources. The service answers with the project's number, whichever way the client names the project."""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.api_core import exceptions

_PROJECT = re.compile(r"projects/([^/]+)(/.*)?")


@dataclass(frozen=True)
class Names:
    """One project by its id and its number."""

    project: str
    number: str

    def canonical(self, name: str) -> str:
        """The name with the project's number.

        Raises:
            PermissionDenied: it belongs to another project. A stranger gets this answer whether it exists or not.
        """
        found = _PROJECT.fullmatch(name)
        if found is None or found[1] not in (self.project, self.number):
            project = found[1] if found else ""
            raise exceptions.PermissionDenied(
                f"Permission denied on resource project {project}, or the resource {name!r} does not exist."
            )
        return f"projects/{self.number}{found[2] or ''}"


def place_of(name: str) -> str:
    """The location that a resource lies in: `projects/1/locations/us-central1`."""
    return "/".join(name.split("/")[:4])


def last(name: str) -> str:
    """The id at the end of a name."""
    return name.rpartition("/")[2]


def region_of(name: str) -> str:
    """The region of a place or of a resource in it: `projects/1/locations/us-central1` → `us-central1`."""
    return last(place_of(name))
