"""Ends every job on Vertex AI, whatever became of it: writes its record and its report to the bucket.

TFX reads the annotations of the component as they are, so this file has no `from __future__ import annotations`.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Optional

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.component.experimental.annotations import Parameter
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.kubeflow.decorators import FinalStatusStr, exit_handler

from cloud.experiments import record_run
from cloud.pipeline_jobs import JobState, PipelineJob, PipelineJobs
from cloud.place import Place
from core.strict import Strict
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.paths import ROOT
from pipeline.config.workload import WorkloadConfig
from report.run_record import RunRecord
from runners.results.finished_run import FinishedRun
from runners.results.record import gather
from runners.vertex.job_outcome import outcome_of_job
from runners.vertex.places import BucketPlaces
from runners.vertex.publish import publish
from runners.vertex.results import results_of

Status = pipeline_spec_pb2.PipelineTaskFinalStatus
_STATES = {"SUCCEEDED": JobState.SUCCEEDED, "FAILED": JobState.FAILED, "CANCELLED": JobState.CANCELLED}


class ExitInputs(Strict):
    """The inputs of the exit handler."""

    workload: WorkloadConfig
    project: str
    region: str
    runs: str
    """The folder of the records of all jobs of the workload."""
    git_commit: Optional[str]  # noqa: UP045
    lock_hash: Optional[str]  # noqa: UP045
    experiment: Optional[str]  # noqa: UP045
    tensorboard: Optional[str]  # noqa: UP045


@exit_handler
def ExitHandler(final_status: Parameter[str], config: Parameter[str]) -> None:
    """`final_status` is Vertex AI's account of the tasks before, as JSON; `config`: ExitInputs as text.

    Raises:
      SluiceError: when the job cannot be read.
    """
    status = json_format.Parse(final_status, Status(), ignore_unknown_fields=True)
    finish(status, ExitInputs.from_property(config))


def exit_handler_of(
    config: WorkloadConfig,
    cloud: EnvironmentConfig,
    provenance: Mapping[str, Optional[str]],  # noqa: UP045
) -> BaseNode:
    """The exit handler of a workload's jobs in an environment."""
    given = ExitInputs(
        workload=config,
        project=cloud.project,
        region=cloud.region,
        runs=BucketPlaces.of(config.name, cloud).runs,
        experiment=cloud.experiment,
        tensorboard=cloud.tensorboard,
        **provenance,
    )
    # The configuration is only shown: what it names of this machine stands there as in its YAML.
    text = given.to_property().replace(f"{ROOT}/", "").replace(f"{Path.home()}/", "~/")
    return ExitHandler(final_status=FinalStatusStr(), config=text)


def finish(status: Any, given: ExitInputs) -> RunRecord:
    """Read back the job of a final status, judge its outcome, publish record and report.

    Raises:
      SluiceError: when the job cannot be read.
    """
    name = status.pipeline_job_resource_name.rpartition("/")[2]
    job = PipelineJobs(Place(given.project, given.region)).get(name)
    # It runs as long as its exit handler does: this is how it will have ended.
    ended = dataclasses.replace(job, state=_STATES[status.state], error=status.error.message)
    record = _publish(ended, given)
    if given.experiment:
        record_run(
            given.project,
            given.region,
            given.experiment,
            name,
            _parameters(record, given.workload),
            _metrics(record),
            given.tensorboard,
        )
    return record


def _publish(job: PipelineJob, given: ExitInputs) -> RunRecord:
    results = results_of(job.tasks, job.folder)
    gathered = gather(results)
    facts = {
        "seconds": round((datetime.now(timezone.utc) - (job.started or job.created)).total_seconds(), 3),
        "peak_memory_bytes": None,
        "git_commit": given.git_commit,
        "lock_hash": given.lock_hash,
        "data_fingerprint": None,
    }
    outcome = outcome_of_job(job, results, gathered.gates)
    return publish(FinishedRun(given.workload, job.name, results, outcome, facts), gathered, given.runs)


def _parameters(record: RunRecord, workload: WorkloadConfig) -> dict[str, Any]:
    """What the run was started with."""
    hyperparameters = {name: _plain(value) for name, value in workload.model.hyperparameters.items()}
    return {
        **hyperparameters,
        "model": workload.model.module,
        "epochs": workload.train.epochs,
        "batch_size": workload.train.batch_size,
        "seed": record.seed,
        "data_fingerprint": record.data_fingerprint,
        "git_commit": record.git_commit,
        "lock_hash": record.lock_hash,
        "outcome": record.outcome,
        "registered_version": record.registered_version,
        "pushed_version": record.pushed_version,
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else str(value)


def _metrics(record: RunRecord) -> dict[str, float]:
    """What was measured on test."""
    found = {name: value for name, value in record.metrics["overall"].items() if value is not None}
    return {**found, **{f"{split}_rows": count for split, count in record.rows.items()}, "seconds": record.seconds}
