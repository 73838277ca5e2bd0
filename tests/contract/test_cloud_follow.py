"""How a job on Vertex AI is followed to its end, with the real client over gRPC and REST."""

from __future__ import annotations

import io
import signal
import uuid
from collections.abc import Callable
from contextlib import suppress

import pytest
from google.api_core import exceptions

from cloud.calls import Patience
from cloud.job_settings import JobSettings
from cloud.pipeline_jobs import WORKLOAD_LABEL, JobState, PipelineJobs, Transport
from cloud.place import Place
from cloud.testing.cloud import LocalCloud
from core.errors import SluiceError
from gates.verdict.finding import Finding, Severity
from runners.console.console import RunConsole
from runners.interruption import Interrupted
from runners.vertex.follow import follow
from tests.samples.executors import executed_by
from tests.samples.vertex_jobs import (
    Scripted,
    Step,
    compiled_taxi,
    gate_report,
    pushed_model,
    put,
    task,
)

REGION = "europe-west4"
QUICK = Patience(one_try=20, first_wait=0.01, longest_wait=0.02, altogether=20)
BAD = Finding("threshold", "overall", "auc", 0.5, 0.6, 100, Severity.BLOCK, "auc is 0.5, below 0.6.", "Train longer.")


class FollowContract:
    """Subclasses name a transport and inherit each test."""

    transport: Transport

    @pytest.fixture
    def place(self, cloud: LocalCloud) -> Place:
        return Place(cloud.project, REGION)

    @pytest.fixture
    def root(self, cloud: LocalCloud) -> str:
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, REGION)
        return f"gs://{bucket}/sluice/taxi"

    def submitted(self, place: Place, root: str) -> str:
        name = f"taxi-{uuid.uuid4().hex[:8]}"
        document = compiled_taxi(root.split("/")[2])
        PipelineJobs(place, self.transport, QUICK).submit(document, name, JobSettings("taxi", {WORKLOAD_LABEL: "taxi"}))
        return name

    def followed(self, place: Place, name: str, sleep: Callable[[float], None] = lambda _: None) -> tuple[int, str]:
        stream = io.StringIO()
        with RunConsole(stream) as console:
            code = follow(place, name, console, self.transport, QUICK, sleep)
        return code, stream.getvalue()

    def test_a_job_that_pushes_ends_with_0_and_a_line_for_each_component(
        self, cloud: LocalCloud, place: Place, root: str
    ) -> None:
        gate = task("Evaluator", "SUCCEEDED", report=gate_report(root, "evaluator"))
        schema = task("SchemaGen", "SKIPPED")
        push = task("Pusher", "SUCCEEDED", pushed_model=pushed_model(root, "17"))
        with executed_by(
            cloud,
            Scripted(
                Step("RUNNING", (schema, task("Evaluator", "RUNNING"))),
                Step("RUNNING", (schema, gate)),
                Step("SUCCEEDED", (schema, gate, task("ChampionResolver-model-resolver", "SUCCEEDED"), push)),
            ),
        ):
            name = self.submitted(place, root)
            put(f"{root}/runs/{name}/report.html", "<html>")
            code, shown = self.followed(place, name)
        lines = [" ".join(line.split()) for line in shown.splitlines()]
        assert code == 0
        assert lines[0] == f"sluice · taxi · job {name} · Vertex AI, {place}"
        assert f"pipelines/runs/{name}?project={place.project}" in lines[1]
        assert lines[2:] == [
            "schema reused 90.0 s",
            "evaluate 0 checks: nothing refused 90.0 s",
            "push version 17 90.0 s",
            f"PUSHED taxi/17 → {root}/serving/17",
            f"report: {root}/runs/{name}/report.html",
        ]

    def test_a_gate_that_refuses_ends_with_2_and_the_reason(self, cloud: LocalCloud, place: Place, root: str) -> None:
        gate = task("Evaluator", "SUCCEEDED", report=gate_report(root, "evaluator", BAD))
        with executed_by(cloud, Scripted(Step("SUCCEEDED", (gate, task("Pusher", "NOT_TRIGGERED"))))):
            code, shown = self.followed(place, self.submitted(place, root))
        assert code == 2
        assert "auc is 0.5, below 0.6." in shown
        assert "→ Train longer." in shown
        assert "REFUSED  nothing was pushed" in shown
        assert "  push " not in shown

    def test_a_task_that_fails_ends_with_1_and_the_link_to_its_log(
        self, cloud: LocalCloud, place: Place, root: str
    ) -> None:
        failed = task("Trainer", "FAILED", error="The replica workerpool0-0 exited with a non-zero status of 1.")
        with executed_by(cloud, Scripted(Step("FAILED", (failed,), "tasks failed: [Trainer]"))):
            code, shown = self.followed(place, self.submitted(place, root))
        assert code == 1
        assert "failed: The replica workerpool0-0 exited with a non-zero status of 1." in shown
        log = f"https://console.cloud.google.com/logs/query;query=resource.labels.job_id%3D%2277%22?project={place.project}"
        assert f"log:  {log}" in shown
        assert f"See why:  {log}" in shown
        assert "none at gs://" in shown

    def test_a_job_that_fails_before_any_task_says_why(self, cloud: LocalCloud, place: Place, root: str) -> None:
        with executed_by(cloud, Scripted(Step("FAILED", (), "Internal error encountered."))):
            code, shown = self.followed(place, self.submitted(place, root))
        assert code == 1
        assert "the job failed: Internal error encountered." in shown
        assert "See why:  https://console.cloud.google.com/vertex-ai/" in shown

    def test_a_job_that_was_cancelled_is_stopped(self, cloud: LocalCloud, place: Place, root: str) -> None:
        with executed_by(cloud, Scripted(Step("RUNNING"))):
            name = self.submitted(place, root)
            jobs = PipelineJobs(place, self.transport, QUICK)
            code, shown = self.followed(place, name, sleep=lambda _: jobs.cancel(name))
        assert code == 130
        assert "STOPPED  The job was cancelled" in shown

    def test_outages_are_said_in_one_line_each_and_the_job_is_followed_to_its_end(
        self, cloud: LocalCloud, place: Place, root: str
    ) -> None:
        away = exceptions.ServiceUnavailable("The connection was reset.\nAnd more.")
        push = task("Pusher", "SUCCEEDED", pushed_model=pushed_model(root, "17"))

        def lose(_: float) -> None:
            cloud.faults.fail_next(away, "PipelineService.GetPipelineJob", times=4)

        with executed_by(cloud, Scripted(Step("RUNNING"), Step("RUNNING"), Step("SUCCEEDED", (push,)))):
            code, shown = self.followed(place, self.submitted(place, root), sleep=lose)
        assert code == 0
        assert shown.count("lost (") == 2
        assert shown.count("is back") == 2
        assert "And more" not in shown

    @pytest.mark.parametrize("is_lost", [False, True], ids=["raised", "dropped_by_a_callback_of_grpc"])
    def test_where_nobody_can_answer_ctrl_c_leaves_the_job_which_is_found_again_by_its_name(
        self, cloud: LocalCloud, place: Place, root: str, is_lost: bool
    ) -> None:
        push = task("Pusher", "SUCCEEDED", pushed_model=pushed_model(root, "17"))

        def interrupt(_: float) -> None:
            with suppress(*([Interrupted] if is_lost else [])):
                signal.raise_signal(signal.SIGINT)

        with executed_by(cloud, Scripted(Step("RUNNING"), Step("SUCCEEDED", (push,)))):
            name = self.submitted(place, root)
            code, shown = self.followed(place, name, sleep=interrupt)
            assert code == 130
            assert f"jobs follow {name} --project {place.project} --region {REGION}" in shown
            assert PipelineJobs(place, self.transport, QUICK).get(name).state is not JobState.CANCELLED
            code, shown = self.followed(place, name)
        assert code == 0
        assert "PUSHED  taxi/17" in shown

    def test_a_job_that_does_not_exist_is_refused(self, place: Place) -> None:
        with pytest.raises(
            SluiceError, match="the job taxi-never cannot be read: there is none of that name"
        ) as caught:
            self.followed(place, "taxi-never")
        assert "jobs list" in caught.value.next_command

    def test_results_that_are_gone_are_said_in_one_sentence(self, cloud: LocalCloud, place: Place, root: str) -> None:
        report = gate_report(root, "evaluator")
        report.uri = f"{root}/deleted"
        with executed_by(cloud, Scripted(Step("SUCCEEDED", (task("Evaluator", "SUCCEEDED", report=report),)))):
            name = self.submitted(place, root)
            with pytest.raises(
                SluiceError, match=r"the report of a gate, gs://.*/deleted/report.json, is gone"
            ) as caught:
                self.followed(place, name)
        assert "Run again" in caught.value.next_command


class TestFollowByGrpc(FollowContract):
    transport = "grpc"


class TestFollowByRest(FollowContract):
    transport = "rest"
