"""Dataflow jobs of the local cloud that run until they are cancelled, and what becomes of them."""

from __future__ import annotations

from apache_beam.runners.dataflow.internal.clients.dataflow.dataflow_v1b3_messages import Job

from cloud.run_label import RUN_LABEL, run_label
from cloud.testing.cloud import LocalCloud


def on_dataflow(cloud: LocalCloud, region: str, run: str) -> str:
    """The id of a job that a task of the pipeline job `run` has submitted."""
    sent = Job(name="transform", labels=Job.LabelsValue())
    sent.labels.additionalProperties.append(Job.LabelsValue.AdditionalProperty(key=RUN_LABEL, value=run_label(run)))
    return str(cloud.dataflow.keep(sent, cloud.project, region).id)


def dataflow_state(cloud: LocalCloud, number: str) -> str:
    """RUNNING, CANCELLED, DONE or FAILED."""
    found = cloud.dataflow.find(number)
    assert found is not None
    return str(found.job.currentState).removeprefix("JOB_STATE_")
