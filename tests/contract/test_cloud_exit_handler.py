"""The exit handler of the compiled taxi job, run through the entry point of its container beside the local cloud."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform, storage

from cloud.pipeline_jobs import PipelineJobs
from cloud.place import Place
from cloud.testing.cloud import LocalCloud
from core.errors import SluiceError
from gates.verdict.finding import Finding, Severity
from pipeline.config.load import load_environment, load_workload
from pipeline.datasets import datasets_there
from runners.vertex import container
from runners.vertex.compilation import compile_workload
from runners.vertex.platform import job_settings
from runners.vertex.task_errors import write_error
from tests.samples.dataflow_jobs import dataflow_state, on_dataflow
from tests.samples.executors import executed_by
from tests.samples.receivers import receiving
from tests.samples.vertex_jobs import Scripted, Step, gate_report, pushed_model, task

REGION = "europe-west4"
State = aiplatform.gapic.Execution.State
BAD = Finding("threshold", "overall", "auc", 0.5, 0.6, 100, Severity.BLOCK, "auc is 0.5, below 0.6.", "Train longer.")


@cache
def compiled(project: str, bucket: str, workload: tuple[str, ...], *more: str) -> str:
    config = load_workload("taxi", workload)
    changes = (f"project={project}", f"bucket={bucket}", f"region={REGION}", "experiment=rides", *more)
    with TemporaryDirectory() as folder:
        environment = load_environment("dev", changes)
        return compile_workload(config, environment, datasets_there(config.data), Path(folder)).read_text()


@dataclass
class Ended:
    """A job whose tasks have ended, and what its exit handler leaves."""

    cloud: LocalCloud
    bucket: str
    environment: tuple[str, ...] = ()  # beside what every test needs
    exit_code: int = 0  # of the exit handler's container
    workload: tuple[str, ...] = ()  # overrides

    def __post_init__(self) -> None:
        # TensorFlow remembers how long a file was: no test writes over another's.
        self.artifacts = f"gs://{self.bucket}/artifacts/{uuid.uuid4().hex}"

    def run(
        self, state: str, *tasks: Any, error: str = "", task_error: SluiceError | None = None, name: str = ""
    ) -> dict[str, Any]:
        """Runs the exit handler of a job that has come to this; returns its record."""
        document = json.loads(compiled(self.cloud.project, self.bucket, self.workload, *self.environment))
        settings = job_settings(load_workload("taxi"), load_environment("dev"))
        jobs = PipelineJobs(Place(self.cloud.project, REGION))
        self.name = name or f"taxi-{uuid.uuid4().hex[:8]}"
        with executed_by(self.cloud, Scripted(Step("RUNNING", (*tasks, task("ExitHandler", "RUNNING"))))):
            job = jobs.submit(document, self.name, settings)
            if task_error:
                write_error(f"{job.folder}/{tasks[-1].task_name}_123", task_error)
            status = {
                "state": state,
                "error": {"code": 9, "message": error} if error else {},
                "pipelineJobResourceName": f"projects/123/locations/{REGION}/pipelineJobs/{self.name}",
                "pipelineTaskName": "tfx-dag",
            }
            self._run_container(document, json.dumps(status), f"{job.folder}/ExitHandler_9/executor_output.json")
        return dict(json.loads(self.read(f"runs/{self.name}/run.json")))

    def _run_container(self, document: dict[str, Any], status: str, output_file: str) -> None:
        spec = document["pipelineSpec"]
        command = spec["deploymentSpec"]["executors"]["ExitHandler_executor"]["container"]
        constant = spec["root"]["dag"]["tasks"]["ExitHandler"]["inputs"]["parameters"]["config"]["runtimeValue"]
        given = {
            "inputs": {"parameterValues": {"final_status": status, "config": constant["constant"]}},
            "outputs": {"outputFile": output_file},
        }
        arguments = [json.dumps(given) if each == "{{$}}" else each for each in command["args"]]
        assert command["command"][:3] == ["python", "-m", container.__name__]
        with pytest.raises(SystemExit) as end:
            container.main([*command["command"][3:], *arguments])
        assert (end.value.code or 0) == self.exit_code

    def shown(self) -> aiplatform.ExperimentRun:
        """The run in Vertex AI Experiments."""
        return aiplatform.ExperimentRun(self.name, "rides", project=self.cloud.project, location=REGION)

    def read(self, name: str) -> str:
        found = storage.Client(self.cloud.project).bucket(self.bucket).blob(f"sluice/taxi/{name}").download_as_text()
        return str(found)


@pytest.fixture(scope="module")
def bucket(local_cloud: LocalCloud) -> str:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    local_cloud.storage.create_bucket(name, REGION)
    return name


@pytest.fixture
def ended(cloud: LocalCloud, bucket: str) -> Ended:
    return Ended(cloud, bucket)


def test_a_job_that_pushed_leaves_record_report_and_a_pointer_to_them(ended: Ended) -> None:
    gate = task("Evaluator", "SUCCEEDED", report=gate_report(ended.artifacts, "evaluator"))
    record = ended.run("SUCCEEDED", gate, task("Pusher", "SUCCEEDED", pushed_model=pushed_model(ended.artifacts, "17")))
    assert (record["outcome"], record["exit_code"], record["pushed_version"]) == ("pushed", 0, "17")
    assert (record["run_id"], record["workload"], record["peak_memory_bytes"]) == (ended.name, "taxi", None)
    assert [(each["name"], each["state"]) for each in record["components"]] == [("Evaluator", "ran"), ("Pusher", "ran")]
    assert record["lock_hash"]
    assert ended.name in ended.read(f"runs/{ended.name}/report.html")
    assert ended.read("runs/latest") == ended.name


def test_a_refusal_leaves_its_evidence(ended: Ended) -> None:
    gate = task("Evaluator", "SUCCEEDED", report=gate_report(ended.artifacts, "evaluator", BAD))
    record = ended.run("SUCCEEDED", gate, task("Pusher", "NOT_TRIGGERED"))
    assert (record["outcome"], record["exit_code"], record["reason"]) == ("refused", 2, "auc is 0.5, below 0.6.")
    assert ended.shown().state == State.COMPLETE
    assert "auc is 0.5, below 0.6." in ended.read(f"runs/{ended.name}/report.html")


def test_what_a_task_has_left_running_on_dataflow_is_ended(ended: Ended) -> None:
    name = f"taxi-{uuid.uuid4().hex[:8]}"
    ours, other = (on_dataflow(ended.cloud, REGION, run) for run in (name, f"{name}-2"))
    ended.run("FAILED", task("Transform", "FAILED", error="It took too long."), error="tasks failed", name=name)
    assert [dataflow_state(ended.cloud, each) for each in (ours, other)] == ["CANCELLED", "RUNNING"]


def test_a_dataflow_that_cannot_be_reached_costs_no_record(ended: Ended) -> None:
    ended.cloud.faults.fail_next(exceptions.Forbidden("no right"), "dataflow.googleapis.com GET")
    assert ended.run("FAILED", task("Trainer", "FAILED"), error="tasks failed")["outcome"] == "failed"


@pytest.mark.parametrize(("code", "notification"), [(200, None), (404, "answered with HTTP 404")])
def test_a_refusal_is_sent_to_the_webhook_and_the_job_ends_as_it_would_without_it(
    ended: Ended, code: int, notification: str | None
) -> None:
    gate = task("Evaluator", "SUCCEEDED", report=gate_report(ended.artifacts, "evaluator", BAD))
    with receiving(code) as receiver:
        ended.workload = (f"notify.webhook={receiver.url}",)
        record = ended.run("SUCCEEDED", gate, task("Pusher", "NOT_TRIGGERED"))
    assert (record["outcome"], record["exit_code"]) == ("refused", 2)
    [request] = receiver.requests
    message = json.loads(request.body)
    assert (message["event"], message["workload"], message["run_id"]) == ("refused", "taxi", ended.name)
    assert (message["reason"], message["exit_code"]) == (BAD.reason, 2)
    assert record["notification"] is None if notification is None else notification in record["notification"]


def test_an_error_of_the_user_in_a_task_is_the_reason_of_the_job(ended: Ended) -> None:
    problem = SluiceError("the data has no column `fare`.", "See:  head data.csv")
    failed = task("ExampleGen", "FAILED", error="The replica exited with a non-zero status of 3.")
    record = ended.run("FAILED", failed, error="tasks failed: [ExampleGen]", task_error=problem)
    assert (record["outcome"], record["exit_code"], record["reason"]) == ("failed", 3, problem.headline)
    assert "head data.csv" in ended.read(f"runs/{ended.name}/report.html")


def test_a_task_that_left_no_error_has_the_words_of_vertex(ended: Ended) -> None:
    record = ended.run("FAILED", task("Trainer", "FAILED", error="The replica was preempted."), error="tasks failed")
    assert (record["outcome"], record["exit_code"]) == ("failed", 1)
    assert "The replica was preempted." in record["reason"]


def test_a_job_that_fails_before_any_task_has_the_words_of_vertex(ended: Ended) -> None:
    record = ended.run("FAILED", error="Internal error encountered.")
    assert (record["outcome"], record["exit_code"]) == ("failed", 1)
    assert "Internal error encountered." in record["reason"]
    assert ended.shown().state == State.FAILED


def test_a_job_that_was_cancelled_is_stopped(ended: Ended) -> None:
    record = ended.run("CANCELLED", task("Trainer", "CANCELLED"))
    assert (record["outcome"], record["exit_code"]) == ("stopped", 130)
    assert ended.shown().state == State.CANCELLED


def test_the_run_stands_in_the_experiment_and_no_tensorboard_is_made(ended: Ended) -> None:
    aiplatform.init(project=ended.cloud.project, location=REGION)
    before = {each.resource_name for each in aiplatform.Tensorboard.list()}
    ended.run("SUCCEEDED", task("Pusher", "NOT_TRIGGERED"))
    run = ended.shown()
    assert run.get_params()["model"] == "models.wide_and_deep"
    assert run.get_metrics()["seconds"] > 0
    assert {each.resource_name for each in aiplatform.Tensorboard.list()} == before
