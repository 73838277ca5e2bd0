"""What the local Dataflow refuses."""

import copy
import json
from typing import Any

import pytest
from google.api_core import exceptions

from cloud.testing.dataflow.validation import parse_job, pipeline_options

JOB: dict[str, Any] = {
    "name": "statistics",
    "type": "JOB_TYPE_BATCH",
    "environment": {
        "tempStoragePrefix": "storage.googleapis.com/bucket/temp",
        "sdkPipelineOptions": {"options": {"pipelineUrl": "gs://bucket/staging/pipeline.pb"}},
        "workerPools": [{"kind": "harness", "workerHarnessContainerImage": "image:1"}],
    },
}


def _without(*path: str | int) -> dict[str, Any]:
    job: Any = copy.deepcopy(JOB)
    inner = job
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return job  # type: ignore[no-any-return]


def test_a_whole_job_is_read_with_the_place_of_its_pipeline() -> None:
    job = parse_job(json.dumps(JOB).encode())
    assert job.name == "statistics"
    assert pipeline_options(job)["pipelineUrl"] == "gs://bucket/staging/pipeline.pb"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (["name"], "job.name"),
        (["type"], "job.type"),
        (["environment"], "workerPools"),
        (["environment", "workerPools"], "workerPools"),
        (["environment", "workerPools", 0, "workerHarnessContainerImage"], "container image"),
        (["environment", "sdkPipelineOptions"], "staged in Cloud Storage"),
        (["environment", "tempStoragePrefix"], "tempStoragePrefix"),
    ],
)
def test_a_job_without_a_required_field_is_refused(path: list[str | int], named: str) -> None:
    with pytest.raises(exceptions.BadRequest, match=named):
        parse_job(json.dumps(_without(*path)).encode())


@pytest.mark.parametrize("at", [[], ["environment"], ["environment", "workerPools", 0]])
def test_a_field_that_there_is_not_is_refused(at: list[str | int]) -> None:
    job = inner = copy.deepcopy(JOB)
    for key in at:
        inner = inner[key]  # type: ignore[index]
    inner["machinType"] = "n1-standard-4"
    with pytest.raises(exceptions.BadRequest, match="machinType"):
        parse_job(json.dumps(job).encode())


def test_a_body_that_is_no_job_is_refused() -> None:
    with pytest.raises(exceptions.BadRequest, match="Invalid JSON"):
        parse_job(b"[1")
