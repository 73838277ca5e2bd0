"""A compiled job of the taxi workload, and executors that leave its tasks to a test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.cloud import storage
from google.cloud.aiplatform_v1 import types
from google.rpc import status_pb2

from cloud.testing.vertex.runs import Run
from gates.verdict.finding import Finding, GateReport, verdict_of
from pipeline.config.load import load_environment, load_workload
from serving.contract import ModelVersion
from serving.rollout.record import Phase, Rollout


@cache
def _compiled_taxi() -> str:
    from pipeline.pipeline import create_pipeline
    from runners.vertex.job import compile_job
    from runners.vertex.platform import vertex_platform

    config, environment = load_workload("taxi"), load_environment("dev")
    with TemporaryDirectory() as folder:
        job = compile_job(
            create_pipeline(config, vertex_platform(config, environment)), environment.image, Path(folder)
        )
        return job.read_text(encoding="utf-8")


def compiled_taxi(bucket: str) -> dict[str, Any]:
    """The document that `vertex_runner.py` writes, with its artifacts in `bucket`."""
    document: dict[str, Any] = json.loads(_compiled_taxi())
    document["runtimeConfig"]["gcsOutputDirectory"] = f"gs://{bucket}/sluice/taxi/artifacts"
    return document


@dataclass(frozen=True)
class Step:
    """What a job has become when it is looked at the next time."""

    state: str
    tasks: tuple[types.PipelineTaskDetail, ...] = ()
    error: str = ""


class Scripted:
    """An executor whose jobs take one of the steps at each look; the last one stays."""

    def __init__(self, *steps: Step) -> None:
        self._steps = steps

    def start(self, run: Run) -> None: ...

    def poll(self, run: Run) -> None:
        step = self._steps[min(run.polls, len(self._steps)) - 1]

        def change(job: types.PipelineJob) -> None:
            job.job_detail.task_details = list(step.tasks)

        run.change(change)
        run.set_state(step.state, step.error)

    def cancel(self, run: Run) -> None:
        run.set_state("CANCELLED")


_STARTED = datetime(2026, 11, 29, 12, 0, 0, tzinfo=timezone.utc)


def task(name: str, state: str, error: str = "", **outputs: types.Artifact) -> types.PipelineTaskDetail:
    """A task of a job, after 90 s; its container ran as custom job 77."""
    detail = types.PipelineTaskDetail(
        task_name=name,
        state=types.PipelineTaskDetail.State[state],
        start_time=_STARTED,
        outputs={key: types.PipelineTaskDetail.ArtifactList(artifacts=[each]) for key, each in outputs.items()},
        executor_detail={"container_detail": {"main_job": "projects/1/locations/r/customJobs/77"}},
    )
    if state not in ("PENDING", "RUNNING"):
        detail.end_time = _STARTED + timedelta(seconds=90)
    if error:
        detail.error = status_pb2.Status(code=2, message=error)
    return detail


def gate_report(folder: str, gate: str, *findings: Finding) -> types.Artifact:
    """The report of a gate, stored in a folder of a bucket."""
    uri = f"{folder}/{gate}/report"
    put(f"{uri}/report.json", GateReport(gate, verdict_of(findings), findings).dumps())
    return types.Artifact(name=f"{gate}-report", schema_title="pipeline.GateReportArtifact", uri=uri)


def pushed_model(folder: str, version: str) -> types.Artifact:
    """The Pusher's output; an empty version: nothing was pushed."""
    properties = {
        "pushed": 1 if version else 0,
        "pushed_version": version,
        "pushed_destination": f"{folder}/serving/{version}",
    }
    return types.Artifact(name="pushed", schema_title="tfx.PushedModel", uri=f"{folder}/pushed", metadata=properties)


def registered_model(folder: str, version: str) -> types.Artifact:
    """The Registrar's output: a version of the taxi model in a registry's folder, with a file for a graph."""
    uri = f"{folder}/registry/taxi/{version}-a1"
    put(f"{uri}/model/saved_model.pb", "graph")
    properties = {"registered": 1, "model": "taxi", "version": version, "reason": "major: the first version"}
    return types.Artifact(name="registered", schema_title="pipeline.RegisteredModel", uri=uri, metadata=properties)


def rolled_out(folder: str, version: str, phase: Phase) -> types.Artifact:
    """The Rollout's output: a rollout of the taxi model that has come to a step."""
    uri = f"{folder}/rollout-{version}"
    rollout = Rollout(f"00001-{version}", ModelVersion(version, "taxi", version), "16", phase)
    put(f"{uri}/rollout.json", json.dumps(rollout.to_plain()))
    properties = {"next_command": "" if rollout.is_final else "Go on:  resume"}
    return types.Artifact(name="rollout", schema_title="pipeline.RolloutArtifact", uri=uri, metadata=properties)


def put(place: str, text: str) -> None:
    """Write an object of a bucket."""
    storage.Blob.from_string(place, storage.Client()).upload_from_string(text)
