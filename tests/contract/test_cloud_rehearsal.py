"""A local cloud whose pipeline jobs really run: order, conditions, cache, retries, failures, and a killed process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.types import PipelineState

from cloud.task_runs import TaskState
from cloud.testing.cloud import LocalCloud
from cloud.testing.rehearsal.executor import rehearsing
from cloud.testing.rehearsal.folder import RehearsalFolder
from tests.samples.folders import ROOT
from tests.samples.rehearsed_jobs import (
    BUCKET,
    CONTAINER,
    PROJECT,
    REGION,
    SCHEMA,
    Tasks,
    ended,
    sdk_led_to,
    states,
    with_exit_handler,
)

# The heavy libraries of a TFX job are not needed here, the client of Cloud Storage is.
MODULES = ("google.cloud.storage",)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> RehearsalFolder:
    return RehearsalFolder(tmp_path_factory.mktemp("rehearsal"))


@pytest.fixture(scope="module")
def module_cloud(place: RehearsalFolder) -> Iterator[LocalCloud]:
    with rehearsing(place, PROJECT, os.environ, modules=MODULES) as cloud:
        cloud.storage.create_bucket(BUCKET, REGION)
        yield cloud


@pytest.fixture
def cloud(module_cloud: LocalCloud) -> Iterator[LocalCloud]:
    with sdk_led_to(module_cloud, BUCKET):
        yield module_cloud


def test_what_a_task_leaves_is_what_the_next_one_gets(cloud: LocalCloud, tmp_path: Path) -> None:
    made = Tasks()
    made.add("a", {"metadata": {"blessed": 1}, "parameters": {"word": "hello"}}, returns=("word",))
    word = {"taskOutputParameter": {"producerTask": "a", "outputParameterKey": "word"}}
    made.add("b", takes=("a",), constants={"job": "{{$.pipeline_job_name}}"}, parameters={"word": word})
    job = made.submit(tmp_path, enable_caching=False)
    state, tasks = ended(job.resource_name)
    assert (state, states(tasks)) == ("SUCCEEDED", {"a": "ran", "b": "ran"})
    [given] = made.calls("b")
    assert given["inputs"]["parameterValues"] == {"word": "hello", "job": job.name}
    [blessing] = given["inputs"]["artifacts"]["a"]["artifacts"]
    [stored] = tasks["a"].outputs["blessing"]
    assert (blessing["name"], blessing["uri"], blessing["metadata"]) == (stored.name, stored.uri, {"blessed": 1.0})
    assert stored.uri.startswith(f"gs://{BUCKET}/pipeline/123456789012/{job.name}/a_")
    assert tasks["a"].started and tasks["b"].started and tasks["a"].ended
    assert tasks["a"].ended <= tasks["b"].started


def test_a_condition_that_does_not_hold_stops_all_that_hangs_on_it(cloud: LocalCloud, tmp_path: Path) -> None:
    made = Tasks()
    made.add("gate", {"metadata": {"blessed": 0}})
    condition = "inputs.artifacts['gate'].artifacts[0].metadata['blessed'] == 1.0"
    made.add("train", takes=("gate",), triggerPolicy={"condition": condition})
    made.add("push", takes=("train",))
    made.add("report", takes=("gate",))
    state, tasks = ended(made.submit(tmp_path).resource_name)
    assert state == "SUCCEEDED"
    assert states(tasks) == {"gate": "ran", "train": "skipped", "push": "skipped", "report": "ran"}
    assert not made.calls("train")


def test_a_task_is_tried_again_as_often_as_its_policy_says(
    cloud: LocalCloud, place: RehearsalFolder, tmp_path: Path
) -> None:
    policy = {"maxRetryCount": 2, "backoffDuration": "1s", "backoffFactor": 2.0}
    made = Tasks()
    made.add("twice", {"failures": 2}, retryPolicy=policy)
    made.add("thrice", {"failures": 3}, after=("twice",), retryPolicy=policy)
    job = made.submit(tmp_path)
    state, tasks = ended(job.resource_name)
    assert (state, states(tasks)) == ("FAILED", {"twice": "ran", "thrice": "failed"})
    assert tasks["thrice"].error == "RuntimeError: failure 3"
    assert len(made.calls("thrice")) == 3
    logs = place.logs / job.name
    assert "RuntimeError: failure 1" in (logs / "thrice.log").read_text()
    assert "RuntimeError: failure 3" in (logs / "thrice.3.log").read_text()


@pytest.mark.parametrize(("policy", "other"), [("fast", "skipped"), ("slow", "ran")])
def test_after_a_failure_other_tasks_run_as_the_policy_says(
    cloud: LocalCloud, tmp_path: Path, policy: str, other: str
) -> None:
    made = Tasks()
    made.add("a-fails", {"failures": 9})
    made.add("b-next", after=("a-fails",))
    made.add("c-other")
    state, tasks = ended(made.submit(tmp_path, failure_policy=policy).resource_name)
    assert (state, states(tasks)) == ("FAILED", {"a-fails": "failed", "b-next": "skipped", "c-other": other})


@pytest.mark.parametrize("failures", [0, 9])
def test_the_exit_handler_runs_whatever_became_of_the_others(cloud: LocalCloud, tmp_path: Path, failures: int) -> None:
    made = Tasks()
    made.add("work", {"failures": failures})
    with_exit_handler(made)
    job = made.submit(tmp_path, failure_policy="fast")
    state, tasks = ended(job.resource_name)
    wanted = "FAILED" if failures else "SUCCEEDED"
    assert (state, states(tasks)) == (wanted, {"work": "failed" if failures else "ran", "exit": "ran"})
    [given] = made.calls("exit")
    status = json.loads(given["inputs"]["parameterValues"]["status"])
    assert (status["state"], status["pipelineJobResourceName"]) == (wanted, job.resource_name)
    assert ("RuntimeError: failure 1" in status.get("error", {}).get("message", "")) == bool(failures)


def test_unchanged_tasks_take_the_result_of_an_earlier_job(cloud: LocalCloud, tmp_path: Path) -> None:
    made = Tasks()
    made.add("a", {"metadata": {"blessed": 1}, "parameters": {"word": "hello"}}, returns=("word",))
    made.add("b", takes=("a",), constants={"rate": "0.1"})
    first = ended(made.submit(tmp_path, enable_caching=True).resource_name)[1]
    _, second = ended(made.submit(tmp_path, enable_caching=True).resource_name)
    assert states(second) == {"a": "reused", "b": "reused"}
    assert second["b"].outputs == first["b"].outputs
    made.tasks["b"]["inputs"]["parameters"]["rate"]["runtimeValue"]["constant"] = "0.2"
    assert states(ended(made.submit(tmp_path, enable_caching=True).resource_name)[1]) == {"a": "reused", "b": "ran"}
    assert states(ended(made.submit(tmp_path, enable_caching=False).resource_name)[1]) == {"a": "ran", "b": "ran"}


def test_a_driver_decides_parameters_before_the_cache_is_looked_into(cloud: LocalCloud, tmp_path: Path) -> None:
    made = Tasks()
    made.add("ingest")
    driver = ["python", CONTAINER, made.of("driver"), "{{$}}"]
    made.executors["ingest"]["container"]["lifecycle"] = {
        "preCacheCheck": {"command": [*driver, json.dumps({"parameters": {"fingerprint": "1"}})]}
    }
    assert states(ended(made.submit(tmp_path, enable_caching=True).resource_name)[1]) == {"ingest": "ran"}
    assert states(ended(made.submit(tmp_path, enable_caching=True).resource_name)[1]) == {"ingest": "reused"}
    made.executors["ingest"]["container"]["lifecycle"]["preCacheCheck"]["command"][-1] = json.dumps(
        {"parameters": {"fingerprint": "2"}}
    )
    assert states(ended(made.submit(tmp_path, enable_caching=True).resource_name)[1]) == {"ingest": "ran"}
    assert len(made.calls("driver")) == 3


def test_an_importer_finds_its_artifact_again(cloud: LocalCloud, tmp_path: Path) -> None:
    made = Tasks()
    made.add("import")
    schema = SCHEMA["artifactType"]
    uri = f"gs://{BUCKET}/{made.tag}/given"
    importer = {"artifactUri": {"constant": uri}, "typeSchema": schema, "metadata": {"span": 3}}
    made.executors["import"] = {"importer": importer}
    [first], [second] = (ended(made.submit(tmp_path).resource_name)[1]["import"].outputs["blessing"] for _ in range(2))
    assert first == second
    assert (first.uri, first.metadata) == (uri, {"span": 3.0})


def test_a_resolver_finds_the_newest_artifact_and_before_there_is_one_nothing(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    made = Tasks()
    title = f"tests.Model{made.tag}"
    query = f'schema_title="{title}" AND state=LIVE AND metadata.blessed.number_value=1'
    made.add("resolve")
    made.executors["resolve"] = {"resolver": {"outputArtifactQueries": {"blessing": {"filter": query}}}}
    made.add("again", takes=("resolve",))
    by_name = "name=\"{{$.inputs.artifacts['resolve'].name}}\""
    made.executors["again"] = {"resolver": {"outputArtifactQueries": {"blessing": {"filter": by_name}}}}
    _, nothing = ended(made.submit(tmp_path).resource_name)
    assert (nothing["resolve"].outputs["blessing"], nothing["again"].outputs["blessing"]) == ((), ())
    newest: tuple[Any, ...] = ()
    for blessed in (1, 1, 0):
        trained = Tasks()
        trained.add("train", {"metadata": {"blessed": blessed}})
        outputs = trained.components["train"]["outputDefinitions"]["artifacts"]
        outputs["blessing"] = {"artifactType": {"schemaTitle": title}}
        done = ended(trained.submit(tmp_path).resource_name)[1]["train"].outputs["blessing"]
        newest = done if blessed else newest
    _, found = ended(made.submit(tmp_path).resource_name)
    assert found["resolve"].outputs["blessing"] == found["again"].outputs["blessing"] == newest


def test_parameters_of_the_pipeline_reach_its_tasks(cloud: LocalCloud, tmp_path: Path) -> None:
    made = Tasks()
    made.parameters = {
        "word": {"parameterType": "STRING"},
        "count": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3},
    }
    taken = {key: {"componentInputParameter": key} for key in made.parameters}
    made.add("a", parameters=taken)
    state, _ = ended(made.submit(tmp_path, parameter_values={"word": "hello"}).resource_name)
    assert state == "SUCCEEDED"
    [given] = made.calls("a")
    assert given["inputs"]["parameterValues"] == {"word": "hello", "count": 3}
    assert given["inputs"]["parameters"] == {"word": {"stringValue": "hello"}, "count": {"intValue": "3"}}


def test_constants_of_version_2_0_are_read(cloud: LocalCloud, tmp_path: Path) -> None:
    made = Tasks(version="2.0.0")
    made.add("a", parameters={"rate": {"runtimeValue": {"constantValue": {"doubleValue": 0.5}}}})
    made.components["a"]["inputDefinitions"]["parameters"] = {"rate": {"type": "DOUBLE"}}
    assert ended(made.submit(tmp_path).resource_name)[0] == "SUCCEEDED"
    assert made.calls("a")[0]["inputs"]["parameters"] == {"rate": {"doubleValue": 0.5}}


@pytest.mark.parametrize(
    ("orders", "sentence"),
    [
        ({"uri": "/tmp/elsewhere"}, "the output `blessing` lies at /tmp/elsewhere, which is not in a bucket"),
        ({"stray": True}, "a wrote a local folder named `gs:`"),
    ],
)
def test_what_other_machines_would_not_find_is_a_failure(
    cloud: LocalCloud, tmp_path: Path, orders: dict[str, Any], sentence: str
) -> None:
    made = Tasks()
    made.add("a", orders)
    state, tasks = ended(made.submit(tmp_path).resource_name)
    assert state == "FAILED"
    assert tasks["a"].error.startswith(sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"command": ["python", "-m", "no.such.module"]}, "no.such.module"),
        ({"command": ["no-such-program"]}, "The container exited with status 127: no-such-program: command not found"),
        ({"args": ["{{$.inputs.parameters['gone']}}"]}, "the placeholder {{$.inputs.parameters['gone']}} stands for"),
    ],
)
def test_a_container_that_cannot_run_fails_with_the_reason(
    cloud: LocalCloud, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    made = Tasks()
    made.add("a")
    made.executors["a"]["container"] |= change
    state, tasks = ended(made.submit(tmp_path).resource_name)
    assert state == "FAILED"
    assert sentence in tasks["a"].error


def test_a_cancelled_job_ends_its_container(cloud: LocalCloud, tmp_path: Path) -> None:
    made = Tasks()
    made.add("a", {"until": "never"})
    made.add("b", after=("a",))
    job = made.submit(tmp_path)
    _until(lambda: made.calls("a"))
    job.cancel()
    state, tasks = ended(job.resource_name)
    assert (state, states(tasks)) == ("CANCELLED", {"a": "cancelled"})


def _until(is_so: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


KILLED = f"""
import os, sys
from pathlib import Path
from google.cloud import aiplatform
from cloud.testing.rehearsal.executor import rehearsing
from cloud.testing.rehearsal.folder import RehearsalFolder
folder = RehearsalFolder(Path(sys.argv[1]))
with rehearsing(folder, {PROJECT!r}, os.environ, modules={MODULES!r}) as cloud:
    cloud.storage.create_bucket({BUCKET!r}, {REGION!r})
    with cloud.applied():
        aiplatform.init(project={PROJECT!r}, location={REGION!r}, staging_bucket="gs://{BUCKET}", api_transport="grpc")
        job = aiplatform.PipelineJob(display_name="x", template_path=sys.argv[2], job_id="killed",
                                     pipeline_root="gs://{BUCKET}/pipeline", enable_caching=False)
        job.submit()
        sys.stdin.read()
"""


def test_a_job_of_a_killed_rehearsal_is_taken_up_where_it_was(tmp_path: Path) -> None:
    made = Tasks()
    made.add("a", {"metadata": {"blessed": 1}, "parameters": {"word": "hello"}}, returns=("word",))
    made.add("b", {"until": "go"}, takes=("a",))
    word = {"taskOutputParameter": {"producerTask": "a", "outputParameterKey": "word"}}
    made.add("c", takes=("a", "b"), parameters={"word": word})
    with_exit_handler(made)
    template = tmp_path / "template.json"
    template.write_text(json.dumps(made.document()))
    place = RehearsalFolder(tmp_path / "rehearsal")
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(place.folder), str(template)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as first:
        _until(lambda: (place.logs / "killed" / "b.log").exists())
        first.kill()
    with rehearsing(place, PROJECT, os.environ, modules=MODULES) as cloud, sdk_led_to(cloud, BUCKET):
        name = f"projects/{PROJECT}/locations/{REGION}/pipelineJobs/killed"
        assert aiplatform.PipelineJob.get(name).state == PipelineState.PIPELINE_STATE_RUNNING
        cloud.storage.write(BUCKET, "go", b"")
        state, tasks = ended(name)
        assert (state, states(tasks)) == ("SUCCEEDED", dict.fromkeys(("a", "b", "c", "exit"), TaskState.RAN.value))
        assert len(made.calls("a")) == 1
        [given] = made.calls("c")
        assert given["inputs"]["parameterValues"] == {"word": "hello"}
        assert given["inputs"]["artifacts"]["a"]["artifacts"][0]["metadata"] == {"blessed": 1.0}
        assert not cloud.proxy.refused
