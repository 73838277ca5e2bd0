"""What a pushed version is called in Vertex AI Model Registry."""

from __future__ import annotations

import re

from google.cloud.aiplatform_v1 import types

from cloud.model_registry import PushedVersion, ServingContainer

# As UploadModel and Model document them.
MODEL_ID, ALIAS = r"[a-z_][a-z0-9_-]{0,62}", r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]"
PUSHED = PushedVersion(
    workload="fashion_mnist",
    environment="prod",
    number="12.0.3",
    deployment="pushed-17",
    artifact_uri="gs://b/registry/fashion_mnist/12.0.3-a1/model",
    description="minor: more epochs",
    container=ServingContainer("eu-docker.pkg.dev/p/r/serving:v1"),
    labels={"team": "rides", "sluice_version": "0"},
)


def test_names_and_labels_are_ones_that_vertex_takes() -> None:
    assert re.fullmatch(MODEL_ID, PUSHED.model_id)
    assert PUSHED.alias == "v12-0-3"
    assert all(re.fullmatch(ALIAS, alias) for alias in PUSHED.aliases)
    for key, value in PUSHED.all_labels.items():
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) and re.fullmatch(r"[a-z0-9_-]{0,63}", value)


def test_labels_of_the_environment_do_not_hide_ours() -> None:
    assert (PUSHED.all_labels["team"], PUSHED.all_labels["sluice_version"]) == ("rides", "12-0-3")


def test_a_version_is_known_by_its_files_and_its_image() -> None:
    def there(folder: str, image: str) -> types.Model:
        return types.Model(artifact_uri=folder, container_spec=types.ModelContainerSpec(image_uri=image))

    image = PUSHED.container.image
    assert PUSHED.is_in(there(PUSHED.artifact_uri, image))
    assert PUSHED.is_in(there(f"{PUSHED.artifact_uri}/", image))
    assert not PUSHED.is_in(there(PUSHED.artifact_uri, image.replace("v1", "v2")))
    assert not PUSHED.is_in(there(PUSHED.artifact_uri.replace("a1", "a2"), image))
