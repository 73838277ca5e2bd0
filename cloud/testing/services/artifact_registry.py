"""Artifact Registry: which image a tag stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from google.api_core import exceptions

from cloud.testing.access import Access
from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router

_ADDRESS = re.compile(
    r"(?P<location>[\w-]+)-docker\.pkg\.dev/(?P<project>[^/]+)/(?P<repository>[^/]+)/(?P<image>[^:@]+)"
)


@dataclass
class ArtifactRegistry:
    """Images by the resource name of their tag, and the size in bytes of each version."""

    access: Access
    tags: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def add(self, address: str, tag: str, digest: str, size: int = 2**30) -> None:
        """Pushes an image: `us-docker.pkg.dev/project/repository/image`, a tag, `sha256:…`."""
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise ValueError(f"not an address of Artifact Registry: {address}")
        package = _package(**found.groupdict())
        self.tags[f"{package}/tags/{tag}"] = version = f"{package}/versions/{digest}"
        self.sizes[version] = size

    def router(self) -> Router:
        """What `artifactregistry.googleapis.com` answers."""
        router = Router("Artifact Registry")
        repository = "projects/*/locations/*/repositories/*"
        router.add("GET", f"/v1/{{name={repository}/packages/*/tags/*}}", self._tag)
        router.add("GET", f"/v1/{{name={repository}/packages/*/versions/*}}", self._version)
        router.add("GET", f"/v1/{{name={repository}}}", self._repository)
        return router

    def _tag(self, request: Request, values: dict[str, str]) -> Answer:
        name = self._allowed("artifactregistry.tags.get", request, values)
        if name not in self.tags:
            raise exceptions.NotFound("Requested entity was not found.")
        return Answer.of({"name": name, "version": self.tags[name]})

    def _version(self, request: Request, values: dict[str, str]) -> Answer:
        name = self._allowed("artifactregistry.versions.get", request, values)
        if name not in self.sizes:
            raise exceptions.NotFound("Requested entity was not found.")
        return Answer.of({"name": name, "metadata": {"imageSizeBytes": str(self.sizes[name])}})

    def _repository(self, request: Request, values: dict[str, str]) -> Answer:
        name = self._allowed("artifactregistry.repositories.get", request, values)
        if not any(tag.startswith(f"{name}/") for tag in self.tags):
            raise exceptions.NotFound("Requested entity was not found.")
        return Answer.of({"name": name, "format": "DOCKER", "mode": "STANDARD_REPOSITORY"})

    def _allowed(self, right: str, request: Request, values: dict[str, str]) -> str:
        """The name that was requested, once the caller may see it."""
        self.access.require(right, values["name"].partition("/packages/")[0], request.caller)
        return values["name"]


def _package(location: str, project: str, repository: str, image: str) -> str:
    """A package's name; an image in a folder has its slash escaped, in the name itself and once more in a path."""
    return f"projects/{project}/locations/{location}/repositories/{repository}/packages/{quote(image, safe='')}"
