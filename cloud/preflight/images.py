"""The container image: whether it is there, which digest its tag stands for, and whose code it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from google.api_core import exceptions

from cloud.google_api import GoogleApi
from cloud.preflight.check import Caller, cloud_check
from cloud.preflight.outcome import Failed, NotChecked, Outcome, Passed
from cloud.preflight.plan import Plan

# The build of the image (deploy/) writes the fingerprint of its code there.
CODE_LABEL = "sluice.code"

_ADDRESS = re.compile(
    r"(?P<location>[\w-]+)-docker\.pkg\.dev/(?P<project>[^/:@]+(?::[^/:@]+)?)/(?P<repository>[^/:@]+)/"
    r"(?P<package>[^:@]+)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]+))?"
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ELSEWHERE = "the image is not in Artifact Registry (LOCATION-docker.pkg.dev/…), and other registries are not read."


@dataclass(frozen=True)
class ImageAddress:
    """An image of Artifact Registry; `digest` only where the address names one."""

    location: str
    project: str
    repository: str
    package: str
    tag: str
    digest: str | None

    @classmethod
    def of(cls, text: str) -> ImageAddress | None:
        """The address in `text`, with the tag `latest` when it names none; None for another registry."""
        found = _ADDRESS.fullmatch(text)
        return cls(**{**found.groupdict(), "tag": found["tag"] or "latest"}) if found else None

    @property
    def repository_address(self) -> str:
        """The repository as `gcloud artifacts` takes it."""
        return f"{self.location}-docker.pkg.dev/{self.project}/{self.repository}"


def pinned(image: str, digest: str | None) -> str:
    """The address of `image` by its digest, so that a moving tag changes nothing; unchanged without a digest."""
    address = ImageAddress.of(image)
    if address is None or digest is None:
        return image
    return f"{address.repository_address}/{address.package}@{digest}"


@cloud_check("image", "image")
def image(plan: Plan, caller: Caller) -> Outcome:
    """Whether the image is in its registry; its digest is the value."""
    return _there(plan.image, caller)


@cloud_check("serving_image", "serving image")
def serving_image(plan: Plan, caller: Caller) -> Outcome:
    """Whether the image that serves uploaded models is in its registry; its digest is the value."""
    if plan.serving_image is None:
        return Passed("no model is uploaded to Vertex AI.")
    return _there(plan.serving_image, caller)


@cloud_check("code", "code in the image")
def code(plan: Plan, caller: Caller) -> Outcome:
    """Whether the image was built from the code of this checkout."""
    address = ImageAddress.of(plan.image)
    if address is None:
        return NotChecked(_ELSEWHERE)
    try:
        labels = _labels(address, caller.api)
    except exceptions.NotFound:
        return NotChecked("the registry has no such image.")
    found = labels.get(CODE_LABEL)
    build = f'Build it anew, then push it:  make image ARGS="--tag {plan.image}"'
    if found is None:
        return Failed(f"the image {plan.image} is none of Sluice: it has no label `{CODE_LABEL}`.", build)
    if found != plan.code:
        return Failed(f"the image {plan.image} holds other code ({found}) than this checkout ({plan.code}).", build)
    return Passed(f"it is that of this checkout ({found}).")


def _there(image: str, caller: Caller) -> Outcome:
    address = ImageAddress.of(image)
    if address is None:
        return NotChecked(_ELSEWHERE)
    try:
        digest = _digest(address, caller.api)
    except exceptions.NotFound:
        return Failed(
            f"the image {image} does not exist.",
            f"See what is there:  gcloud artifacts docker images list {address.repository_address} --include-tags",
        )
    return Passed(f"{address.digest or address.tag} is {_shortened(digest)}.", digest)


def _digest(address: ImageAddress, api: GoogleApi) -> str:
    package = f"packages/{quote(quote(address.package, safe=''), safe='')}"
    place = f"projects/{address.project}/locations/{address.location}/repositories/{address.repository}/{package}"
    host = "https://artifactregistry.googleapis.com/v1"
    if address.digest:
        return str(api.get(f"{host}/{place}/versions/{address.digest}")["name"]).rpartition("/")[2]
    return str(api.get(f"{host}/{place}/tags/{address.tag}")["version"]).rpartition("/")[2]


def _labels(address: ImageAddress, api: GoogleApi) -> dict[str, str]:
    host = f"https://{address.location}-docker.pkg.dev/v2"
    image = f"{address.project}/{address.repository}/{address.package}"
    return labels_at(f"{host}/{image}", address.digest or address.tag, api)


def labels_at(image: str, reference: str, api: GoogleApi) -> dict[str, str]:
    """The labels in an image's configuration, by the registry's own protocol; `image` is `https://…/v2/…`.

    Raises:
      NotFound: when the registry has no such image.
    """
    manifest = _manifest(image, reference, api)
    if "manifests" in manifest:
        manifest = _manifest(image, _for_linux(manifest["manifests"]), api)
    configuration = api.get(f"{image}/blobs/{manifest['config']['digest']}")
    return configuration.get("config", {}).get("Labels") or {}


def _manifest(image: str, reference: str, api: GoogleApi) -> dict[str, Any]:
    return api.get(f"{image}/manifests/{reference}", headers={"Accept": ", ".join(_MANIFESTS)})


def _for_linux(manifests: list[dict[str, Any]]) -> str:
    """The digest of the image for the machines of Vertex AI, out of an index for several platforms."""
    platforms = {each["digest"]: each.get("platform", {}) for each in manifests}
    wanted = {"os": "linux", "architecture": "amd64"}
    return next((digest for digest, has in platforms.items() if wanted.items() <= has.items()), next(iter(platforms)))


def _shortened(digest: str) -> str:
    return f"{digest[:19]}…" if len(digest) > 20 else digest
