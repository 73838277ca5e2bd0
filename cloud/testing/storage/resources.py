"""Buckets and objects as the JSON API writes them, and the conditions of a request as it reads them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from google.api_core import exceptions

from cloud.testing.messages import Request
from cloud.testing.storage.objects import Bucket, Preconditions, StoredObject


def object_resource(item: StoredObject, origin: str) -> dict[str, Any]:
    """An object's metadata; its links lead back to the host of the request."""
    path = f"/storage/v1/b/{item.bucket}/o/{quote(item.name, safe='')}"
    return {
        "kind": "storage#object",
        "id": f"{item.bucket}/{item.name}/{item.generation}",
        "selfLink": f"{origin}{path}",
        "mediaLink": f"{origin}/download{path}?generation={item.generation}&alt=media",
        "name": item.name,
        "bucket": item.bucket,
        "generation": str(item.generation),
        "metageneration": str(item.metageneration),
        "storageClass": "STANDARD",
        "size": str(item.size),
        **item.checksums,
        "etag": f"{item.generation}.{item.metageneration}",
        "timeCreated": item.created,
        "updated": item.updated,
        **item.attributes,
    }


def bucket_resource(bucket: Bucket, origin: str) -> dict[str, Any]:
    """A bucket's metadata."""
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "selfLink": f"{origin}/storage/v1/b/{bucket.name}",
        "name": bucket.name,
        "projectNumber": bucket.project_number,
        "location": bucket.location,
        "locationType": bucket.location_type,
        "storageClass": "STANDARD",
        "timeCreated": bucket.created,
        "updated": bucket.created,
        "metageneration": "1",
        "etag": "1",
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
        "softDeletePolicy": {"retentionDurationSeconds": "0"},
    }


def storage_layout(bucket: Bucket) -> dict[str, Any]:
    """How a bucket keeps its objects: here by their names alone, without folders."""
    return {
        "kind": "storage#storageLayout",
        "bucket": bucket.name,
        "location": bucket.location,
        "locationType": bucket.location_type,
        "hierarchicalNamespace": {"enabled": False},
    }


def preconditions(request: Request, of: str = "") -> Preconditions:
    """The request's conditions on the object it changes or, with `of="Source"`, on the one it copies."""
    return Preconditions(
        generation_match=number(request, f"if{of}GenerationMatch"),
        generation_not_match=number(request, f"if{of}GenerationNotMatch"),
        metageneration_match=number(request, f"if{of}MetagenerationMatch"),
        metageneration_not_match=number(request, f"if{of}MetagenerationNotMatch"),
    )


def number(request: Request, name: str) -> int | None:
    """The query's number `name`, None where it is absent.

    Raises:
        BadRequest: it is no number.
    """
    text = request.argument(name)
    if not text:
        return None
    if not text.isdigit():
        raise exceptions.BadRequest(f"Invalid value for {name}: {text!r}")
    return int(text)
