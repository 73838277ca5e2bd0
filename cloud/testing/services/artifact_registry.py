"""Artifact Registry: which image a tag stands for, and what the registry's own protocol says of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from google.api_core import exceptions

from cloud.testing.access import Access
from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_ADDRESS = re.compile(
    r"(?P<location>[\w-]+)-docker\.pkg\.dev/(?P<project>[^/]+)/(?P<repository>[^/]+)/(?P<image>[^:@]+)"
)


@dataclass
class ArtifactRegistry:
    """Images by the resource name of their tag, the size in bytes and the labels of each version."""

    access: Access
    tags: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    labels: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def add(
        self, address: str, tag: str, digest: str, size: int = 2**30, labels: Mapping[str, str] | None = None
    ) -> None:
        """Pushes an image: `us-docker.pkg.dev/project/repository/image`, a tag, `sha256:…`, and its labels."""
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise ValueError(f"not an address of Artifact Registry: {address}")
        package = _package(**found.groupdict())
        self.tags[f"{package}/tags/{tag}"] = version = f"{package}/versions/{digest}"
        self.sizes[version] = size
        self.labels[version] = labels or {}

    def router(self) -> Router:
        """What `artifactregistry.googleapis.com` answers."""
        router = Router("Artifact Registry")
        repository = "projects/*/locations/*/repositories/*"
        router.add("GET", f"/v1/{{name={repository}/packages/*/tags/*}}", self._tag)
        router.add("GET", f"/v1/{{name={repository}/packages/*/versions/*}}", self._version)
        router.add("GET", f"/v1/{{name={repository}}}", self._repository)
        return router

    def registry_router(self) -> Router:
        """What a registry's host, `us-docker.pkg.dev`, answers: manifests and configurations, without layers."""
        router = Router("container registry")
        image = "/v2/{project}/{repository}/{image=**}"
        router.add("GET", f"{image}/manifests/{{reference}}", self._manifest)
        router.add("GET", f"{image}/blobs/{{digest}}", self._configuration)
        return router

    def _manifest(self, request: Request, values: dict[str, str]) -> Answer:
        configuration = _content(self.labels[self._pulled(request, values, values["reference"])])
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", **_descriptor(configuration)}
        return Answer.of({"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": []})

    def _configuration(self, request: Request, values: dict[str, str]) -> Answer:
        package = self._package_of(request, values)
        for version, labels in self.labels.items():
            configuration = _content(labels)
            if version.startswith(f"{package}/") and _descriptor(configuration)["digest"] == values["digest"]:
                return Answer(200, configuration, {"Content-Type": "application/octet-stream"})
        raise exceptions.NotFound("blob unknown to registry")

    def _pulled(self, request: Request, values: dict[str, str], reference: str) -> str:
        """The version that a tag or a digest stands for."""
        package = self._package_of(request, values)
        version = self.tags.get(f"{package}/tags/{reference}", f"{package}/versions/{reference}")
        if version not in self.labels:
            raise exceptions.NotFound(f"manifest unknown: Failed to fetch {reference}")
        return version

    def _package_of(self, request: Request, values: dict[str, str]) -> str:
        location = request.headers["host"].partition("-docker.pkg.dev")[0]
        package = _package(location, values["project"], values["repository"], values["image"])
        self.access.require(
            "artifactregistry.repositories.downloadArtifacts", package.partition("/packages/")[0], request.caller
        )
        return package

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
        """The name that was asked for, once the caller may see it."""
        self.access.require(right, values["name"].partition("/packages/")[0], request.caller)
        return values["name"]


def _package(location: str, project: str, repository: str, image: str) -> str:
    """A package's name; an image in a folder has its slash escaped, in the name itself and once more in a path."""
    return f"projects/{project}/locations/{location}/repositories/{repository}/packages/{quote(image, safe='')}"


def _content(labels: Mapping[str, str]) -> bytes:
    document = {"architecture": "amd64", "os": "linux", "config": {"Labels": dict(labels)}}
    return json.dumps(document).encode()


def _descriptor(content: bytes) -> dict[str, Any]:
    return {"digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}
