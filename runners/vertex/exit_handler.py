"""Ends every job on Vertex AI, whatever became of it: writes its record and its report to the bucket.

TFX reads the annotations of the component as they are, so this file has no `from __future__ import annotations`.
"""

import dataclasses
import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Optional

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.component.experimental.annotations import Parameter
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.kubeflow.decorators import FinalStatusStr, exit_handler

from cloud.experiments import Ending, record_run
from cloud.pipeline_jobs import JobState, PipelineJob, PipelineJobs
from cloud.place import Place
from core.errors import SluiceError
from core.strict import Strict
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.paths import ROOT
from pipeline.config.workload import WorkloadConfig
from report.run_record import RunRecord
from runners.results.finished_run import FinishedRun
from runners.results.notification import notify
from runners.results.record import gather
from runners.vertex.cancel import cancel_what_is_left
from runners.vertex.job_outcome import outcome_of_job
from runners.vertex.places import BucketPlaces
from runners.vertex.publish import publish
from runners.vertex.results import results_of
from runners.vertex.upload import UploadSettings, not_uploaded, upload_pushed, upload_settings_of

Status = pipeline_spec_pb2.PipelineTaskFinalStatus
_STATES = {"SUCCEEDED": JobState.SUCCEEDED, "FAILED": JobState.FAILED, "CANCELLED": JobState.CANCELLED}
# A run that a gate refuses has come to its end.
_ENDINGS: Mapping[str, Ending] = {"failed": "FAILED", "stopped": "CANCELLED"}


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
    service_account: Optional[str] = None  # noqa: UP045
    """Runs the job; none: the project's default."""
    upload: Optional[UploadSettings] = None  # noqa: UP045
    """None: nothing is uploaded to Vertex AI Model Registry."""


@exit_handler
def ExitHandler(final_status: Parameter[str], config: Parameter[str]) -> None:
    """`final_status` is Vertex AI's account of the tasks before, as JSON; `config`: ExitInputs as text.

    Raises:
      SluiceError: when the job cannot be read, or what it has pushed cannot be uploaded.
    """
    status = json_format.Parse(final_status, Status(), ignore_unknown_fields=True)
    given = ExitInputs.from_property(config)
    job = _ended(status, given)
    _end_what_is_left(job)
    default = f"{job.project_number}-compute@developer.gserviceaccount.com"
    finish(job, given, account=given.service_account or default)


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
        service_account=cloud.service_account,
        upload=upload_settings_of(config, cloud),
        **provenance,
    )
    # The configuration is only shown: what it names of this machine stands there as in its YAML.
    text = given.to_property().replace(f"{ROOT}/", "").replace(f"{Path.home()}/", "~/")
    return ExitHandler(final_status=FinalStatusStr(), config=text)


def finish(
    job: PipelineJob,
    given: ExitInputs,
    account: Optional[str] = None,  # noqa: UP045
    is_latest: bool = True,
    notifies: bool = True,
) -> RunRecord:
    """Judge the outcome of a job that has ended, upload what it pushed, publish record and report. A second call does
    no harm: it finds what the first one made, or writes over it.

    Args:
      job: the job, in the state in which its tasks have left it.
      given: the inputs of its exit handler.
      account: the service account that this runs as; None: a person.
      is_latest: whether it is the newest job of its workload.
      notifies: whether its outcome is news to whoever is notified.

    Raises:
      SluiceError: when what it pushed cannot be uploaded, after everything else was written.
    """
    results = results_of(job.tasks, job.folder)
    gathered = gather(results)
    outcome = outcome_of_job(job, results, gathered.gates)
    uploaded, problem = None, None
    if given.upload and outcome.outcome == "pushed":
        try:
            uploaded = upload_pushed(job, results, gathered, outcome, given.upload, given.git_commit, account)
        except SluiceError as refused:
            problem, outcome = refused, not_uploaded(outcome, refused)
    workload = given.workload
    notification = notify(workload.notify, workload.name, job.name, outcome, gathered) if notifies else None
    facts = {**_facts(job, given), "vertex_model": uploaded, "notification": notification}
    record = publish(FinishedRun(workload, job.name, results, outcome, facts), gathered, given.runs, is_latest)
    if given.experiment:
        record_run(
            given.project,
            given.region,
            given.experiment,
            job.name,
            _parameters(record, given.workload),
            _metrics(record),
            given.tensorboard,
            ending=_ENDINGS.get(record.outcome, "COMPLETE"),
        )
    if problem:
        raise problem
    return record


def _ended(status: Any, given: ExitInputs) -> PipelineJob:
    """The job of a final status. It runs as long as its exit handler does: this is how it will have ended."""
    name = status.pipeline_job_resource_name.rpartition("/")[2]
    job = PipelineJobs(Place(given.project, given.region)).get(name)
    return dataclasses.replace(job, state=_STATES[status.state], error=status.error.message)


def _end_what_is_left(job: PipelineJob) -> None:
    """Cancels the Dataflow jobs that no task waits for any more; a failure of that costs neither record nor report."""
    log = logging.getLogger("sluice")
    try:
        for number in cancel_what_is_left(PipelineJobs(job.place), job.name):
            log.warning("cancelled the Dataflow job %s, which a task had left running", number)
    except SluiceError as problem:
        log.warning("%s", problem)


def _facts(job: PipelineJob, given: ExitInputs) -> dict[str, Any]:
    end = job.ended or datetime.now(timezone.utc)
    return {
        "seconds": round((end - (job.started or job.created)).total_seconds(), 3),
        "peak_memory_bytes": None,
        "git_commit": given.git_commit,
        "lock_hash": given.lock_hash,
        "data_fingerprint": None,
    }


def _parameters(record: RunRecord, workload: WorkloadConfig) -> dict[str, Any]:
    """What the run was started with."""
    hyperparameters = {name: _plain(value) for name, value in workload.model.hyperparameters.items()}
    return {
        **hyperparameters,
        "model": workload.model.module,
        "epochs": workload.train.usual_epochs,
        "batch_size": workload.train.batch_size,
        "seed": record.seed,
        "data_fingerprint": record.data_fingerprint,
        "git_commit": record.git_commit,
        "lock_hash": record.lock_hash,
        "outcome": record.outcome,
        "registered_version": record.registered_version,
        "pushed_version": record.pushed_version,
        "vertex_model": record.vertex_model,
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else str(value)


def _metrics(record: RunRecord) -> dict[str, float]:
    """What was measured on test."""
    found = {name: value for name, value in record.metrics["overall"].items() if value is not None}
    return {**found, **{f"{split}_rows": count for split, count in record.rows.items()}, "seconds": record.seconds}
