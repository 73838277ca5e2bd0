"""The Tuner by a Vertex AI tuning job against the local cloud: the real client, gRPC and REST, files in a bucket."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format
from tensorflow.io import gfile
from tfx.proto import trainer_pb2
from tfx.types import Artifact, standard_artifacts
from tfx.utils import json_utils

from cloud.job_runs import job_client
from cloud.testing.cloud import LocalCloud
from core.errors import SluiceError
from models.training.run import tuned_hyperparameters
from pipeline.artifacts.model_run import read_trials
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.load import load_workload
from pipeline.platform import Elsewhere
from runners.vertex.executors import TunerInACustomJob
from runners.vertex.learning import search_elsewhere
from runners.vertex.vizier import TunerByVizier
from tests.samples.executors import executed_by
from tests.samples.trial_processes import ReplicaProcesses, TrialProcesses
from tests.samples.tuning import arguments, rows

REGION = "us-central1"
CUBE, FAILING = "tests.samples.tuning_cube", "tests.samples.tuning_failing_model"


@dataclass(frozen=True)
class Task:
    """What TFX hands to the Tuner's executor, all of it in a bucket."""

    inputs: dict[str, list[Artifact]]
    outputs: dict[str, list[Artifact]]
    properties: dict[str, Any]

    def best(self) -> dict[str, Any]:
        with gfile.GFile(f"{self.outputs['best_hyperparameters'][0].uri}/best_hyperparameters.txt") as file:
            return tuned_hyperparameters(json.loads(file.read()))


def task(cloud: LocalCloud, home: Path, module: str, service: str = "vertex-vizier", **tuner: Any) -> Task:
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    cloud.storage.create_bucket(bucket, REGION)
    root = f"gs://{bucket}/artifacts/123/taxi-run-1/Tuner_1"
    given = arguments(home, module=module, **tuner)
    for split in ("train", "eval"):
        gfile.copy(str(rows() / f"{split}.tfrecord"), f"gs://{bucket}/examples/Split-{split}/rows")
    metadata = "graph/transformed_metadata/schema.pbtxt"
    gfile.copy(str(rows() / metadata), f"gs://{bucket}/{metadata}")
    examples, graph = standard_artifacts.Examples(), standard_artifacts.TransformGraph()
    examples.uri, examples.split_names, graph.uri = (
        f"gs://{bucket}/examples",
        '["train", "eval"]',
        f"gs://{bucket}/graph",
    )
    best, results = standard_artifacts.HyperParameters(), standard_artifacts.TunerResults()
    best.uri, results.uri = f"{root}/best_hyperparameters", f"{root}/tuner_results"
    config = json.loads(given.custom_config["config"])
    config["durable_dir"] = f"gs://{bucket}/durable"
    properties = {
        "tuner_fn": "models.search.tuner.tuner_fn",
        "train_args": json_format.MessageToJson(trainer_pb2.TrainArgs(splits=["train"])),
        "eval_args": json_format.MessageToJson(trainer_pb2.EvalArgs(splits=["eval"])),
        "custom_config": json_utils.dumps({"config": json.dumps(config), **elsewhere(cloud, service).custom_config}),
    }
    return Task(
        {"examples": [examples], "transform_graph": [graph]},
        {"best_hyperparameters": [best], "tuner_results": [results]},
        properties,
    )


def elsewhere(cloud: LocalCloud, service: str) -> Elsewhere:
    """What the runner writes into the pipeline."""
    plain = {"name": "dev", "project": cloud.project, "region": REGION, "bucket": "bucket", "image": "image"}
    tuning = {"service": service, "parallel_trials": 9 if service == "vertex-vizier" else 2}
    workload = load_workload("taxi", (), None, None)
    return search_elsewhere(workload, EnvironmentConfig.model_validate({**plain, "tuning": tuning}))


def run(given: Task, transport: str = "grpc") -> None:
    executor = TunerByVizier()
    executor.poll_seconds, executor.transport = 0.01, transport
    executor.Do(given.inputs, given.outputs, given.properties)


def jobs(cloud: LocalCloud) -> list[types.HyperparameterTuningJob]:
    parent = f"projects/{cloud.project}/locations/{REGION}"
    return list(job_client(REGION).list_hyperparameter_tuning_jobs(parent=parent))


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_grid_of_27_points_is_searched_and_its_best_point_read_back(
    cloud: LocalCloud, tmp_path: Path, transport: str
) -> None:
    given = task(cloud, tmp_path, CUBE, algorithm="grid")
    run(given, transport)
    job = jobs(cloud)[-1]
    assert (job.max_trial_count, job.parallel_trial_count) == (27, 9)
    assert job.study_spec.algorithm == types.StudySpec.Algorithm.GRID_SEARCH
    [pool] = job.trial_job_spec.worker_pool_specs
    assert pool.machine_spec.accelerator_type.name == "NVIDIA_L4"
    assert list(pool.container_spec.command) == ["python", "-m", "models.search.cloud_trial"]
    assert pool.container_spec.args[1].startswith("gs://")
    trials = read_trials(given.outputs["tuner_results"][0].uri)
    assert len({json.dumps(trial.hyperparameters, sort_keys=True) for trial in trials}) == len(trials) == 27
    # The local server's metric grows from trial to trial, so the first is the best.
    assert [trial.trial for trial in trials if trial.chosen] == [1]
    assert given.best() == trials[0].hyperparameters == {"learning_rate": 0.01, "batch_size": 16, "momentum": 0.0}
    assert isinstance(trials[0].hyperparameters["batch_size"], int)


def test_a_retry_goes_on_with_the_tuning_job_of_the_attempt_before(cloud: LocalCloud, tmp_path: Path) -> None:
    given, before = task(cloud, tmp_path, CUBE, algorithm="grid"), len(jobs(cloud))
    run(given)
    run(given)
    assert len(jobs(cloud)) == before + 1


def test_trials_train_in_containers_and_report_their_loss(cloud: LocalCloud, tmp_path: Path) -> None:
    given = task(cloud, tmp_path, CUBE, algorithm="grid", max_trials=2)
    executor = TrialProcesses(cloud.child_environment(), tmp_path)
    with executed_by(cloud, executor):
        run(given)
    assert len(executor.commands) == 2
    first, second = read_trials(given.outputs["tuner_results"][0].uri)
    assert (first.state, first.epochs, second.state, second.epochs) == ("completed", 2, "completed", 2)
    assert first.score is not None
    assert second.score is not None
    assert first.seconds > 0
    reported = [
        min(float(json.loads(line)["val_loss"]) for line in (tmp_path / f"trial-{n}/output.metrics").open())
        for n in (1, 2)
    ]
    assert reported == [first.score, second.score]
    best = min((first, second), key=lambda trial: trial.score)
    assert best.chosen
    assert given.best() == best.hyperparameters


def test_a_search_without_a_score_is_refused_with_the_reason_of_its_first_trial(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    given = task(cloud, tmp_path, FAILING, algorithm="grid", max_trials=2)

    class OnlyTroubled(TrialProcesses):
        """Leaves out the one point of the space that goes well."""

        def _ended(self, job: Any, trial: types.Trial) -> types.Trial:
            if trial.parameters[0].value == "none":
                trial.parameters[0].value = "cannot be built"
            return super()._ended(job, trial)

    with (
        executed_by(cloud, OnlyTroubled(cloud.child_environment(), tmp_path)),
        pytest.raises(SluiceError, match=r"none of the 2 trials .* trial 1 failed: ValueError: there is no such layer"),
    ):
        run(given)
    assert not gfile.exists(f"{given.outputs['best_hyperparameters'][0].uri}/best_hyperparameters.txt")


def test_a_search_on_two_machines_of_a_custom_job_leaves_the_same_artifacts(cloud: LocalCloud, tmp_path: Path) -> None:
    given = task(cloud, tmp_path, "tests.samples.tuning_model", service="workers", algorithm="grid", max_trials=4)
    executor = TunerInACustomJob()
    executor.poll_seconds = 0.1
    with executed_by(cloud, ReplicaProcesses(cloud.child_environment())):
        executor.Do(given.inputs, given.outputs, given.properties)
    trials = read_trials(given.outputs["tuner_results"][0].uri)
    assert [(trial.trial, trial.state) for trial in trials] == [(number, "completed") for number in (1, 2, 3, 4)]
    [chosen] = [trial for trial in trials if trial.chosen]
    assert given.best() == chosen.hyperparameters


def test_refuses_a_folder_of_this_machine(cloud: LocalCloud, tmp_path: Path) -> None:
    given = task(cloud, tmp_path, CUBE, algorithm="grid")
    given.outputs["tuner_results"][0].uri = str(tmp_path / "results")
    with pytest.raises(SluiceError, match=r"cannot read or write /.*results, which is a folder of another machine"):
        run(given)
