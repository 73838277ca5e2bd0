"""Pipeline jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import empty_pb2, json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from cloud.testing.vertex.job_collection import JobCollection
from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.validation import NOT_SET, Violation, invalid_argument

JOB_ID = r"[a-z][a-z0-9-]{0,127}"
LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class PipelineService(Service):
    """`pipelineJobs`."""

    name = "PipelineService"

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.collection = JobCollection(backend, "pipelineJobs", types.PipelineJob, JOB_ID)

    def create_pipeline_job(self, request: Any) -> Any:
        """Checks the compiled specification as far as it is public, and starts the job."""
        violations = list(specification_violations(request.pipeline_job))
        if violations:
            raise invalid_argument(violations)
        return self.collection.create(request.parent, request.pipeline_job, request.pipeline_job_id)

    def get_pipeline_job(self, request: Any) -> Any:
        """A job; asking moves it on."""
        return self.collection.poll(request.name)

    def list_pipeline_jobs(self, request: Any) -> Any:
        """A page of jobs."""
        return self.collection.jobs.list(request, types.ListPipelineJobsResponse)

    def cancel_pipeline_job(self, request: Any) -> Any:
        """Requests the end; the state becomes `CANCELLED` later."""
        self.collection.cancel(request.name)
        return empty_pb2.Empty()

    def delete_pipeline_job(self, request: Any) -> Any:
        """Deletes a job that has ended."""
        return self.collection.delete(request.name)


def specification_violations(job: Any) -> Iterator[Violation]:
    """What is wrong with a pipeline job: no specification, one that does not parse, a parameter it does not have."""
    if not job.pipeline_spec and not job.template_uri:
        yield "pipeline_job.pipeline_spec", NOT_SET
        return
    for key, value in job.labels.items():
        if not LABEL.fullmatch(key) or (value and not re.fullmatch(r"[a-z0-9_-]{0,63}", value)):
            yield f"pipeline_job.labels[{key!r}]", "Keys and values are lower case, at most 63 characters."
    if not job.runtime_config.gcs_output_directory.startswith("gs://"):
        yield "pipeline_job.runtime_config.gcs_output_directory", "A folder of Cloud Storage (gs://…) is required."
    specification = json_format.MessageToDict(type(job).pb(job).pipeline_spec)
    if specification:
        yield from _parsed(specification, set(job.runtime_config.parameter_values))


def _parsed(specification: Mapping[str, Any], parameters: set[str]) -> Iterator[Violation]:
    try:
        parsed = json_format.ParseDict(specification, pipeline_spec_pb2.PipelineSpec())
    except json_format.ParseError as error:
        yield "pipeline_job.pipeline_spec", f"It does not parse: {error}"
        return
    for field in ("pipeline_info", "root"):
        if not parsed.HasField(field):
            yield f"pipeline_job.pipeline_spec.{field}", NOT_SET
    known = set(parsed.root.input_definitions.parameters)
    for name in sorted(parameters - known):
        yield f"pipeline_job.runtime_config.parameter_values[{name!r}]", "The pipeline has no such parameter."
