"""Models and their versions, as Vertex AI's registry keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex.names import last
from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.store import Collection, now
from cloud.testing.vertex.validation import NOT_SET, invalid_argument

MODEL_ID = r"[a-z0-9_-]{1,63}"
ALIAS = r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]"
DEFAULT = "default"
CHANGEABLE = ("display_name", "description", "version_description", "labels", "explanation_spec", "predict_schemata")


class Versions:
    """Every version of every model. A model's name may end with `@` and a version or an alias; without, it stands for
    the version with the alias `default`."""

    def __init__(self, backend: Backend) -> None:
        self.store = backend.store
        self.collection = Collection(backend.store, "models", types.Model)

    def find(self, name: str) -> Any:
        """One version.

        Raises:
            NotFound: there is none of that name, version or alias.
        """
        model, _, wanted = self.store.names.canonical(name).partition("@")
        for version in self.of(model):
            if wanted == version.version_id or (wanted or DEFAULT) in version.version_aliases:
                return version
        raise exceptions.NotFound(f"The Model does not exist: {name}")

    def of(self, model: str) -> list[Any]:
        """The versions of a model, oldest first; none when there is no such model."""
        model = self.store.names.canonical(model).partition("@")[0]
        found = [each for name, each in self.store.resources.items() if name.startswith(f"{model}@")]
        return sorted(found, key=lambda each: int(each.version_id))

    def add(self, name: str, version: Any) -> Any:
        """Adds a version with its aliases; the first is the default one."""
        older = self.of(name)
        version.name = name
        version.version_id = str(int(older[-1].version_id) + 1 if older else 1)
        aliases = set(version.version_aliases) | (set() if older else {DEFAULT})
        _check_aliases(aliases)
        version.version_aliases = []
        version.create_time = older[0].create_time if older else now()
        version.version_create_time = now()
        version.supported_deployment_resources_types = [types.Model.DeploymentResourcesType.DEDICATED_RESOURCES]
        version.supported_input_storage_formats = [
            "jsonl",
            "bigquery",
            "csv",
            "tf-record",
            "tf-record-gzip",
            "file-list",
        ]
        version.supported_output_storage_formats = ["jsonl", "bigquery"]
        self.keep(version)
        return self.alias(version, sorted(aliases))

    def alias(self, version: Any, changes: list[str]) -> Any:
        """Gives the version aliases, taking them from others; `-name` takes one away.

        Raises:
            InvalidArgument: an alias is malformed, or `default` is to be taken away.
        """
        _check_aliases(changes)
        for change in changes:
            alias = change.removeprefix("-")
            if change != alias and alias not in version.version_aliases:
                raise invalid_argument([("version_aliases", f"The version has no alias {alias!r}.")])
            for each in self.of(version.name):
                each.version_aliases = [name for name in each.version_aliases if name != alias]
            if change == alias:
                version.version_aliases = [*version.version_aliases, alias]
        return self.keep(version)

    def keep(self, version: Any) -> Any:
        """Stores a version that was changed."""
        name = version.name
        version.version_update_time = now()
        kept = self.collection.keep(version)
        # A collection keeps by name, and all versions of a model have the same.
        self.store.resources[f"{name}@{version.version_id}"] = self.store.resources.pop(name)
        return kept

    def defaults(self, parent: str) -> Iterator[Any]:
        """The default version of each model in a place."""
        place = f"{self.store.names.canonical(parent)}/models/"
        for name, each in list(self.store.resources.items()):
            if name.startswith(place) and isinstance(each, types.Model) and DEFAULT in each.version_aliases:
                yield each

    def delete(self, version: Any) -> None:
        """Forgets a version.

        Raises:
            FailedPrecondition: an endpoint serves it.
        """
        if version.deployed_models:
            used = ", ".join(sorted({each.endpoint for each in version.deployed_models}))
            raise exceptions.FailedPrecondition(
                f"The Model {version.name!r} is deployed or being deployed at the following Endpoint(s): {used}."
            )
        del self.store.resources[f"{version.name}@{version.version_id}"]


class ModelService(Service):
    """`models`."""

    name = "ModelService"

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.versions = Versions(backend)

    def upload_model(self, request: Any) -> Any:
        """A new model, or with `parent_model` a new version of one."""
        model = request.model
        if "container_spec" in model and not model.container_spec.image_uri:
            raise invalid_argument([("model.container_spec.image_uri", NOT_SET)])
        if model.artifact_uri and not self.backend.has_files(model.artifact_uri):
            raise exceptions.FailedPrecondition(f"The model's folder {model.artifact_uri} is empty or cannot be read.")
        made = self.versions.add(self._name_for(request), model)
        response = types.UploadModelResponse(model=made.name, model_version_id=made.version_id)
        return self.operations.start(made.name, response, types.UploadModelOperationMetadata)

    def get_model(self, request: Any) -> Any:
        """One version of a model."""
        return self.versions.find(request.name)

    def list_models(self, request: Any) -> Any:
        """A page of models, each by its default version."""
        found = self.versions.defaults(request.parent)
        return self.versions.collection.page(found, request, types.ListModelsResponse)

    def list_model_versions(self, request: Any) -> Any:
        """A page of the versions of one model."""
        found = iter(self.versions.of(self.versions.find(request.name).name))
        return self.versions.collection.page(found, request, types.ListModelVersionsResponse)

    def update_model(self, request: Any) -> Any:
        """Changes what the mask names."""
        version = self.versions.find(request.model.name)
        merged = self.versions.collection.merge(version, request.model, request.update_mask, CHANGEABLE)
        return self.versions.keep(merged)

    def merge_version_aliases(self, request: Any) -> Any:
        """Gives and takes aliases."""
        return self.versions.alias(self.versions.find(request.name), list(request.version_aliases))

    def delete_model(self, request: Any) -> Any:
        """Deletes a model with all its versions."""
        name = self.versions.find(request.name).name
        for version in self.versions.of(name):
            self.versions.delete(version)
        return self.operations.start(name, None, types.DeleteOperationMetadata)

    def delete_model_version(self, request: Any) -> Any:
        """Deletes one version that is not the default.

        Raises:
            FailedPrecondition: it is.
        """
        version = self.versions.find(request.name)
        if DEFAULT in version.version_aliases:
            raise exceptions.FailedPrecondition("The default version cannot be deleted; give another the alias first.")
        self.versions.delete(version)
        return self.operations.start(version.name, None, types.DeleteOperationMetadata)

    def _name_for(self, request: Any) -> str:
        if request.parent_model:
            return str(self.versions.find(request.parent_model).name)
        if request.model_id and not re.fullmatch(MODEL_ID, request.model_id):
            raise invalid_argument([("model_id", f"{request.model_id!r} does not match {MODEL_ID}")])
        parent = self.store.names.canonical(request.parent)
        name = f"{parent}/models/{request.model_id or self.store.new_id()}"
        if self.versions.of(name):
            raise exceptions.AlreadyExists(f"The Model {last(name)} already exists; upload a version by parent_model.")
        return name


def _check_aliases(changes: Iterable[str]) -> None:
    for change in changes:
        if not re.fullmatch(ALIAS, change.removeprefix("-")) or change == f"-{DEFAULT}":
            raise invalid_argument([("version_aliases", f"{change!r} is malformed or cannot be taken away.")])
