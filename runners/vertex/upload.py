"""Uploads what a job has pushed to Vertex AI Model Registry, when the environment says so."""

from __future__ import annotations

import dataclasses
import posixpath

from cloud.errors import as_account
from cloud.model_registry import PushedVersion, ServingContainer, files_digest, upload
from cloud.pipeline_jobs import PipelineJob
from cloud.registered_models import description_of, evidence_labels
from core.errors import SluiceError
from core.strict import Strict
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.workload import WorkloadConfig
from runners.results.node_result import Results
from runners.results.outcome import Outcome
from runners.results.record import Gathered
from runners.vertex.labels import labels_of


class UploadSettings(Strict):
    """How the environment's models are uploaded."""

    environment: str
    serving_image: str
    encryption_key: str | None
    labels: dict[str, str]


def upload_settings_of(config: WorkloadConfig, cloud: EnvironmentConfig) -> UploadSettings | None:
    """Those of an environment; None when its models are not uploaded."""
    if not cloud.model_registry or cloud.serving_image is None:
        return None
    return UploadSettings(
        environment=cloud.name,
        serving_image=cloud.serving_image,
        encryption_key=cloud.encryption_key,
        labels=labels_of(config, cloud),
    )


def upload_pushed(
    job: PipelineJob,
    results: Results,
    gathered: Gathered,
    outcome: Outcome,
    settings: UploadSettings,
    git_commit: str | None,
    account: str | None,
) -> str:
    """Upload the version that a job has registered and pushed; returns its resource name.

    Args:
      job: the job.
      results: those of its components.
      gathered: what they left.
      outcome: that of the job: pushed.
      settings: how models are uploaded.
      git_commit: the commit that the job was compiled from.
      account: the service account that uploads; None: a person.

    Raises:
      SluiceError: when the job has registered nothing, or Vertex AI refuses the version.
    """
    artifact = results["Registrar"].output("registered") if "Registrar" in results else None
    if artifact is None or gathered.registered is None:
        sentence = f"{job.name} has pushed a model without registering it, and only registered ones are uploaded"
        raise _pushed_but(SluiceError(f"{sentence}.", "Turn it on:  `registry` of the environment"), job)
    registered = gathered.registered
    is_waived = any(finding.waiver for report in gathered.gates for finding in report.findings)
    model = posixpath.join(artifact.uri, "model")
    version = PushedVersion(
        workload=registered.model,
        environment=settings.environment,
        number=registered.version,
        deployment=f"pushed-{outcome.pushed_version}",
        artifact_uri=model,
        description=description_of(registered.reason, artifact.uri),
        container=ServingContainer(settings.serving_image),
        labels={**settings.labels, **evidence_labels(is_waived, git_commit)},
        encryption_key=settings.encryption_key,
    )
    try:
        # A rollout in the job has uploaded the same files before.
        version = dataclasses.replace(version, files=files_digest(model))
        return upload(version, job.place.project, job.place.region)
    except SluiceError as problem:
        raise _pushed_but(as_account(problem, account) if account else problem, job) from problem


def not_uploaded(outcome: Outcome, problem: SluiceError) -> Outcome:
    """The outcome of a job whose model was pushed and could not be uploaded: pushed, and why it is not there."""
    return dataclasses.replace(outcome, reason=problem.headline, next_command=problem.next_command)


def _pushed_but(problem: SluiceError, job: PipelineJob) -> SluiceError:
    again = f"python runners/vertex_runner.py jobs finish {job.name} {job.place.options}"
    return SluiceError(
        f"the model is pushed, but {problem.headline}",
        f"{problem.next_command}    Then upload it:  {again}",
        problem.exit_code,
    )
