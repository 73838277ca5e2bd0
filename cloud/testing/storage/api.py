"""The JSON API of Cloud Storage, and the plain `/bucket/object` downloads that TensorFlow uses.

Answers are always whole: `fields`, by which a client requests less, is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from google.api_core import exceptions

from cloud.testing.access import Access
from cloud.testing.faults import Faults
from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router
from cloud.testing.storage.batch import batch
from cloud.testing.storage.listing import Query, page
from cloud.testing.storage.objects import ObjectStore, StoredObject
from cloud.testing.storage.resources import bucket_resource, number, object_resource, preconditions, storage_layout
from cloud.testing.storage.uploads import Uploads

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")

Values = dict[str, str]


def storage_router(store: ObjectStore, access: Access, faults: Faults) -> Router:
    """All requests to `storage.googleapis.com` and, by older clients, of `www.googleapis.com`."""
    api = _Storage(store)
    router = Router("Cloud Storage")

    def route(method: str, template: str, right: str, handler: Callable[[Request, Values], Answer]) -> None:
        def guarded(request: Request, values: Values) -> Answer:
            faults.enter(right)
            access.require(right, f"buckets/{values.get('bucket', '')}", request.caller)
            return handler(request, values)

        router.add(method, template, guarded)

    bucket, item = "/storage/v1/b/{bucket}", "/storage/v1/b/{bucket}/o/{object}"
    router.add("POST", "/batch/storage/v1", lambda request, _: batch(request, router))
    route("GET", "/storage/v1/b", "storage.buckets.list", api.list_buckets)
    route("POST", "/storage/v1/b", "storage.buckets.create", api.create_bucket)
    route("GET", bucket, "storage.buckets.get", api.get_bucket)
    route("DELETE", bucket, "storage.buckets.delete", api.delete_bucket)
    router.add(
        "GET", f"{bucket}/iam/testPermissions", lambda request, values: _permissions(store, access, request, values)
    )
    route("GET", f"{bucket}/iam", "storage.buckets.getIamPolicy", api.get_policy)
    route("PUT", f"{bucket}/iam", "storage.buckets.setIamPolicy", api.set_policy)
    # TensorFlow 2.21 looks here before it renames a folder.
    route("GET", f"{bucket}/storageLayout", "storage.objects.list", api.get_storage_layout)
    route("GET", f"{bucket}/o", "storage.objects.list", api.list_objects)
    route("GET", item, "storage.objects.get", api.get_object)
    route("GET", f"/download{item}", "storage.objects.get", api.download)
    route("PATCH", item, "storage.objects.update", api.patch_object)
    route("DELETE", item, "storage.objects.delete", api.delete_object)
    route("POST", f"{item}/compose", "storage.objects.create", api.compose)
    for verb in ("rewriteTo", "copyTo"):
        target = f"{item}/{verb}/b/{{target_bucket}}/o/{{target}}"
        route("POST", target, "storage.objects.create", api.rewrite if verb == "rewriteTo" else api.copy)
    route("POST", "/upload/storage/v1/b/{bucket}/o", "storage.objects.create", api.upload)
    route("PUT", "/upload/storage/v1/b/{bucket}/o", "storage.objects.create", api.upload)
    route("DELETE", "/upload/storage/v1/b/{bucket}/o", "storage.objects.create", api.upload)
    route("GET", "/{bucket}/{object=**}", "storage.objects.get", api.download)
    route("HEAD", "/{bucket}/{object=**}", "storage.objects.get", api.download)
    return router


class _Storage:
    """One handler for each call; path and query in, metadata or bytes out."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.uploads = Uploads(store)
        self.policies: dict[str, dict[str, Any]] = {}

    def list_buckets(self, request: Request, _: Values) -> Answer:
        items = [bucket_resource(each, request.origin) for each in self.store.buckets()]
        return Answer.of({"kind": "storage#buckets", "items": items})

    def create_bucket(self, request: Request, _: Values) -> Answer:
        wanted = request.json()
        made = self.store.create_bucket(str(wanted.get("name", "")), str(wanted.get("location", "US")))
        return Answer.of(bucket_resource(made, request.origin))

    def get_bucket(self, request: Request, values: Values) -> Answer:
        return Answer.of(bucket_resource(self.store.bucket(values["bucket"]), request.origin))

    def delete_bucket(self, _: Request, values: Values) -> Answer:
        self.store.delete_bucket(values["bucket"])
        return Answer(204)

    def get_policy(self, _: Request, values: Values) -> Answer:
        self.store.bucket(values["bucket"])
        empty = {"kind": "storage#policy", "version": 1, "bindings": [], "etag": "0"}
        return Answer.of(self.policies.get(values["bucket"], empty))

    def set_policy(self, request: Request, values: Values) -> Answer:
        self.store.bucket(values["bucket"])
        self.policies[values["bucket"]] = policy = request.json()
        return Answer.of(policy)

    def get_storage_layout(self, _: Request, values: Values) -> Answer:
        return Answer.of(storage_layout(self.store.bucket(values["bucket"])))

    def list_objects(self, request: Request, values: Values) -> Answer:
        found = page(self.store.objects(values["bucket"]), Query.of(request))
        document: dict[str, Any] = {"kind": "storage#objects"}
        if found.objects:
            document["items"] = [object_resource(each, request.origin) for each in found.objects]
        if found.prefixes:
            document["prefixes"] = found.prefixes
        if found.token:
            document["nextPageToken"] = found.token
        return Answer.of(document)

    def get_object(self, request: Request, values: Values) -> Answer:
        if request.argument("alt") == "media":
            return self.download(request, values)
        found = self.store.find(values["bucket"], values["object"], number(request, "generation"))
        preconditions(request).check(found.generation, found.metageneration)
        return Answer.of(object_resource(found, request.origin))

    def download(self, request: Request, values: Values) -> Answer:
        generation = number(request, "generation")
        found, data = self.store.read(values["bucket"], values["object"], generation, preconditions(request))
        return _media(found, data, request.headers.get("range"))

    def patch_object(self, request: Request, values: Values) -> Answer:
        changed = self.store.change(values["bucket"], values["object"], request.json(), preconditions(request))
        return Answer.of(object_resource(changed, request.origin))

    def delete_object(self, request: Request, values: Values) -> Answer:
        generation = number(request, "generation")
        self.store.delete(values["bucket"], values["object"], generation, preconditions(request))
        return Answer(204)

    def compose(self, request: Request, values: Values) -> Answer:
        wanted = request.json()
        sources = wanted.get("sourceObjects", [])
        if not 1 <= len(sources) <= 32:
            raise exceptions.BadRequest("The number of source components must be between 1 and 32.")
        generations = [int(each["generation"]) if "generation" in each else None for each in sources]
        pairs = zip(sources, generations, strict=True)
        data = b"".join(self.store.read(values["bucket"], each["name"], generation)[1] for each, generation in pairs)
        attributes = wanted.get("destination", {})
        made = self.store.write(values["bucket"], values["object"], data, attributes, preconditions(request))
        return Answer.of(object_resource(made, request.origin))

    def copy(self, request: Request, values: Values) -> Answer:
        return Answer.of(object_resource(self._copied(request, values), request.origin))

    def rewrite(self, request: Request, values: Values) -> Answer:
        made = self._copied(request, values)
        size = str(made.size)
        document = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size, "done": True}
        return Answer.of({**document, "resource": object_resource(made, request.origin)})

    def _copied(self, request: Request, values: Values) -> StoredObject:
        expected = preconditions(request, of="Source")
        generation = number(request, "sourceGeneration")
        source, data = self.store.read(values["bucket"], values["object"], generation, expected)
        attributes = {**source.attributes, **request.json()}
        return self.store.write(values["target_bucket"], values["target"], data, attributes, preconditions(request))

    def upload(self, request: Request, values: Values) -> Answer:
        session = request.argument("upload_id")
        if not session:
            return self.uploads.insert(request, values["bucket"])
        return self.uploads.cancel(session) if request.method == "DELETE" else self.uploads.proceed(request, session)


def _media(item: StoredObject, data: bytes, requested: str | None) -> Answer:
    """The bytes, or the range of them that was requested.

    Raises:
        RequestRangeNotSatisfiable: the range begins behind the end.
    """
    hashes = f"crc32c={item.checksums['crc32c']},md5={item.checksums['md5Hash']}"
    headers = {
        "Content-Type": str(item.attributes.get("contentType", "application/octet-stream")),
        "ETag": f'"{item.generation}"',
        "X-Goog-Generation": str(item.generation),
        "X-Goog-Metageneration": str(item.metageneration),
        "X-Goog-Hash": hashes,
        "X-Goog-Stored-Content-Length": str(item.size),
    }
    if "contentEncoding" in item.attributes:
        headers["X-Goog-Stored-Content-Encoding"] = str(item.attributes["contentEncoding"])
    wanted = _RANGE.fullmatch(requested or "")
    if wanted is None or wanted[0] == "bytes=-":
        return Answer(200, data, headers)
    if wanted[1]:
        first, last = int(wanted[1]), min(int(wanted[2] or item.size), item.size - 1)
    else:
        first, last = max(0, item.size - int(wanted[2])), item.size - 1
    if first >= item.size:
        raise exceptions.RequestRangeNotSatisfiable("The requested range cannot be satisfied.")
    return Answer(206, data[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{item.size}"})


def _permissions(store: ObjectStore, access: Access, request: Request, values: Values) -> Answer:
    store.bucket(values["bucket"])
    granted = access.granted(request.query.get("permissions", []), f"buckets/{values['bucket']}", request.caller)
    return Answer.of({"kind": "storage#testIamPermissionsResponse", "permissions": granted})
