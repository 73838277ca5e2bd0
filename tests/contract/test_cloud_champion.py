"""The model to beat out of a registry in a bucket, by the container of the compiled job."""

from __future__ import annotations

import dataclasses
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from google.cloud import storage
from tensorflow.io import gfile

from cloud.testing.cloud import LocalCloud
from registry.backends import registry_at
from runners.vertex import container
from serving.backends import version_folder_at
from tests.samples import taxi_artifacts as samples
from tests.samples.registrations import submission


@pytest.fixture
def root(cloud: LocalCloud) -> str:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    cloud.storage.create_bucket(name, "europe-west4")
    return f"gs://{name}"


def champion(root: str, attempt: str, registry: str = "registry") -> dict[str, Any]:
    """Runs the component in its container; returns what it reports of its output."""
    task = f"{root}/job/Champion_{attempt}"
    model = {"name": "m", "uri": f"{task}/model", "type": {"instanceSchema": "title: tfx.Model\n"}}
    values = {"registry": f"{root}/{registry}", "workload": "taxi", "serving": f"{root}/serving", "code": ""}
    given = {
        "inputs": {"parameterValues": values},
        "outputs": {
            "artifacts": {"model": {"artifacts": [model]}},
            "outputFile": f"{task}/executor_output.json",
        },
    }
    arguments = {
        "--minutes": "5",
        "--executor_class_path": "pipeline.components.champion.Champion_Executor",
        "--json_serialized_invocation_args": json.dumps(given),
        "--json_serialized_inputs_spec_args": json.dumps({"parameters": {name: {} for name in values}}),
    }
    with pytest.raises(SystemExit) as end:
        container.main([word for pair in arguments.items() for word in pair])
    assert not end.value.code
    [found] = json.loads(storage.Blob.from_string(f"{task}/executor_output.json", storage.Client()).download_as_text())[
        "artifacts"
    ]["model"]["artifacts"]
    return dict(found)


def test_the_production_version_is_copied_out_of_the_bucket_or_missing_with_the_reason(
    root: str, tmp_path: Path
) -> None:
    nothing = champion(root, "1")["metadata"]
    assert nothing["absent"] == 1
    assert "missing" not in nothing
    folder = samples.write_model(tmp_path / "model", 0.6) / "Format-Serving"
    registry = registry_at(f"{root}/registry")
    version = registry.register(dataclasses.replace(submission(tmp_path / "other"), saved_model=folder)).version
    registry.deployed("taxi", version, "pushed-1")
    found = champion(root, "2")
    assert found["metadata"]["version"] == version
    assert "absent" not in found["metadata"]
    graph = f"{found['uri']}/Format-Serving/saved_model.pb"
    with gfile.GFile(graph, "rb") as file:
        assert file.read() == (folder / "saved_model.pb").read_bytes()

    registered = f"{registry.find('taxi', version).location}/model/saved_model.pb"
    storage.Blob.from_string(registered, storage.Client()).upload_from_string(b"worse")
    found = champion(root, "3")
    assert found["metadata"]["absent"] == 1
    assert "saved_model.pb was altered" in found["metadata"]["missing"]
    assert found["uri"] == f"{root}/job/Champion_3/model"


def test_a_version_in_the_bucket_that_no_registry_holds_is_missing_with_the_reason(root: str, tmp_path: Path) -> None:
    given = submission(tmp_path / "model")
    pushed = version_folder_at(f"{root}/serving").push(str(given.saved_model), 2)
    found = champion(root, "1", "lost")["metadata"]
    assert found["absent"] == 1
    assert found["missing"] == (
        f"Version {pushed.version} in {root}/serving was pushed before, and no registry holds its model; with "
        "`registry.enabled` those of the next pushes are kept."
    )
    # In a rollout, or taken back by one: registered, and not in production.
    registry_at(f"{root}/registry").register(given)
    assert "missing" not in champion(root, "2")["metadata"]
