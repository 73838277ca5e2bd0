"""StatisticsGen and Transform through Beam's own DataflowRunner, submitted to the local Dataflow."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apitools.base.py import encoding
from google.api_core import exceptions
from google.cloud import storage
from tensorflow_metadata.proto.v0 import statistics_pb2

from cloud.dataflow_jobs import DataflowJobs, cancel_dataflow_jobs_of
from cloud.run_label import RUN_LABEL, run_label
from cloud.testing.cloud import LocalCloud
from core.errors import SluiceError
from tests.samples.dataflow_jobs import dataflow_state, on_dataflow
from tests.samples.folders import ROOT
from tests.samples.taxi_transformed import BEAM, as_example, taxi_rows
from tests.samples.warm_commands import ran_warm

PROJECT, REGION, BUCKET = "local-project", "europe-west4", "dataflow-bucket"
IMAGE = "europe-west4-docker.pkg.dev/local-project/sluice/sluice@sha256:0123"
OPTIONS = {
    "runner": "DataflowRunner",
    "project": PROJECT,
    "region": REGION,
    "temp_location": f"gs://{BUCKET}/temp",
    "staging_location": f"gs://{BUCKET}/staging",
    "sdk_container_image": IMAGE,
    "sdk_location": "container",
    "worker_machine_type": "n1-standard-8",
    "num_workers": "2",
    "max_num_workers": "7",
    "autoscaling_algorithm": "THROUGHPUT_BASED",
    "disk_size_gb": "60",
    "subnetwork": "regions/europe-west4/subnetworks/private",
    "service_account_email": "workers@local-project.iam.gserviceaccount.com",
    "dataflow_kms_key": "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k",
}
_PATH = f"/v1b3/projects/{PROJECT}/locations/{REGION}/jobs"
DATAFLOW = [*(f"--{name}={value}" for name, value in OPTIONS.items()), "--no_use_public_ips", "--labels=team=rides"]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A local cloud whose bucket holds 400 rides in train and 100 in eval."""
    with LocalCloud(PROJECT) as cloud, cloud.applied():
        bucket = storage.Client(project=PROJECT).create_bucket(BUCKET, location=REGION)
        rides = [as_example(row) for row in taxi_rows(500).to_dict("records")]
        for split, part in (("train", rides[:400]), ("eval", rides[400:])):
            packed = bucket.blob(f"raw/Split-{split}/data-00000-of-00001.gz")
            packed.upload_from_string(_as_records(part))
        yield cloud


@pytest.fixture(scope="module")
def local(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs of Beam's own runner of one machine, which does without Dataflow's client."""
    return _outputs(cloud, "local", BEAM, tmp_path_factory.mktemp("local"), warm=True)


@pytest.fixture(scope="module")
def dataflow(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs of the jobs that DataflowRunner submitted."""
    return _outputs(cloud, "dataflow", DATAFLOW, tmp_path_factory.mktemp("dataflow"))


def test_the_statistics_are_those_of_one_machine(local: Path, dataflow: Path) -> None:
    for split in ("train", "eval"):
        there, here = (_statistics(folder, split) for folder in (dataflow, local))
        assert there.datasets[0].num_examples == (400 if split == "train" else 100)
        assert there == here


def test_the_transform_graph_is_that_of_one_machine(local: Path, dataflow: Path) -> None:
    assert _vocabularies(dataflow) == _vocabularies(local) != {}
    for split, count in (("train", 400), ("eval", 100)):
        there, here = (_transformed(folder, split) for folder in (dataflow, local))
        assert there.keys() == here.keys()
        assert len(here["big_tipper"]) == count
        for name, column in here.items():
            # Means and scales are sums in another order.
            np.testing.assert_allclose(there[name], column, rtol=1e-4, atol=1e-5, err_msg=name)


def test_every_option_of_the_workers_arrives(cloud: LocalCloud, dataflow: Path) -> None:
    jobs = [json.loads(encoding.MessageToJson(job)) for job in cloud.dataflow.submitted()]
    assert len(jobs) == 2
    for job in jobs:
        environment = job["environment"]
        [pool] = environment["workerPools"]
        assert job["labels"]["team"] == "rides"
        assert (job["location"], job["projectId"], job["type"]) == (REGION, PROJECT, "JOB_TYPE_BATCH")
        assert environment["serviceAccountEmail"] == OPTIONS["service_account_email"]
        assert environment["serviceKmsKeyName"] == OPTIONS["dataflow_kms_key"]
        assert environment["tempStoragePrefix"].startswith(f"storage.googleapis.com/{BUCKET}/temp")
        assert pool["workerHarnessContainerImage"] == IMAGE
        assert (pool["machineType"], pool["numWorkers"], pool["diskSizeGb"]) == ("n1-standard-8", 2, 60)
        scaling = {"algorithm": "AUTOSCALING_ALGORITHM_BASIC", "maxNumWorkers": 7}
        assert pool["autoscalingSettings"] == scaling
        assert pool["ipConfiguration"] == "WORKER_IP_PRIVATE"
        assert pool["subnetwork"] == OPTIONS["subnetwork"]


def test_a_job_that_fails_ends_the_task_with_the_reason(cloud: LocalCloud) -> None:
    done = _run(cloud, f"gs://{BUCKET}/nothing", f"gs://{BUCKET}/failed", DATAFLOW)
    assert done.returncode != 0
    assert "nothing" in done.stderr


def test_the_jobs_of_a_cancelled_run_are_cancelled_and_no_others(cloud: LocalCloud) -> None:
    runs = ["taxi-dev-1", "taxi-dev-2"]
    ours, other = _submitted(cloud, [f"{RUN_LABEL}={run_label(run)}" for run in runs])
    assert cancel_dataflow_jobs_of(PROJECT, REGION, runs[0]) == [ours]
    assert [dataflow_state(cloud, each) for each in (ours, other)] == ["CANCELLED", "RUNNING"]
    jobs = DataflowJobs(PROJECT, REGION)
    [running] = jobs.running(runs)
    assert (running.number, running.run) == (other, "taxi-dev-2")
    jobs.cancel([running, running])  # the second time it has ended already
    assert dataflow_state(cloud, other) == "CANCELLED"
    assert jobs.running(runs) == []


def test_jobs_are_found_beyond_the_first_page(cloud: LocalCloud) -> None:
    numbers = [on_dataflow(cloud, REGION, f"many-{index}") for index in range(101)]
    assert [each.number for each in DataflowJobs(PROJECT, REGION).running(["many-100"])] == numbers[-1:]
    for number in numbers:
        cloud.dataflow.cancel(number)


def test_what_may_not_be_read_is_refused_in_one_sentence(cloud: LocalCloud) -> None:
    cloud.faults.fail_next(exceptions.Forbidden("no right"), f"dataflow.googleapis.com GET {_PATH}")
    with pytest.raises(SluiceError) as caught:
        DataflowJobs(PROJECT, REGION).running(["taxi-dev-1"])
    assert caught.value.headline == f"the Dataflow jobs in {REGION} of {PROJECT} cannot be read: no right."
    assert "gcloud dataflow jobs list --status=active" in caught.value.next_command


@pytest.mark.parametrize("words", ["has not been used in project 7 before or it is disabled", "it is disabled"])
def test_where_the_api_was_never_enabled_no_job_runs(cloud: LocalCloud, words: str) -> None:
    cloud.faults.fail_next(exceptions.Forbidden(f"Dataflow API {words}."), f"dataflow.googleapis.com GET {_PATH}")
    assert DataflowJobs(PROJECT, REGION).running(["taxi-dev-1"]) == []
    assert cancel_dataflow_jobs_of(PROJECT, REGION, "taxi-dev-1") == []


def _submitted(cloud: LocalCloud, labels: list[str]) -> list[str]:
    """For each label the id of a job that runs until it is cancelled."""
    command = [sys.executable, "-m", "tests.samples.beam_waiting", ",".join(labels), *DATAFLOW]
    done = subprocess.run(command, env=cloud.child_environment(), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split()[-len(labels) :]


def _run(
    cloud: LocalCloud, examples: str, output: str, beam: list[str], warm: bool = False
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.samples.beam_tasks", examples, output, *beam]
    environment = cloud.child_environment()
    if warm:
        return ran_warm(command, ROOT, environment)
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=560)


def _outputs(cloud: LocalCloud, name: str, beam: list[str], folder: Path, warm: bool = False) -> Path:
    done = _run(cloud, f"gs://{BUCKET}/raw", f"gs://{BUCKET}/{name}", beam, warm)
    assert done.returncode == 0, done.stderr[-3000:]
    for blob in storage.Client(project=PROJECT).list_blobs(BUCKET, prefix=f"{name}/"):
        file = folder / blob.name.removeprefix(f"{name}/")
        if not blob.name.endswith("/") and "/tmp/" not in f"/{blob.name}":
            file.parent.mkdir(parents=True, exist_ok=True)
            blob.download_to_filename(str(file))
    return folder


def _as_records(rows: list[bytes]) -> bytes:
    file = Path(tf.io.gfile.join(tf.compat.v1.test.get_temp_dir(), "rows.gz"))
    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        for row in rows:
            writer.write(row)
    return file.read_bytes()


def _statistics(folder: Path, split: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    file = folder / f"statistics/Split-{split}/FeatureStats.pb"
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())


def _vocabularies(folder: Path) -> dict[str, list[bytes]]:
    output = tft.TFTransformOutput(str(folder / "graph"))
    files = sorted((folder / "graph/transform_fn/assets").iterdir())
    assert output.transformed_feature_spec()
    return {file.name: file.read_bytes().splitlines() for file in files}


def _transformed(folder: Path, split: str) -> dict[str, np.ndarray]:
    """The columns of the rows in an order of their own: Beam keeps none."""
    files = [str(file) for file in sorted((folder / f"transformed/Split-{split}").iterdir())]
    records = [record.numpy() for record in tf.data.TFRecordDataset(files, "GZIP")]
    specification = tft.TFTransformOutput(str(folder / "graph")).transformed_feature_spec()
    parsed = tf.io.parse_example(records, specification)
    columns = {name: values.numpy().reshape(len(records), -1) for name, values in parsed.items()}
    matrix = np.hstack([columns[name] for name in sorted(columns)]).astype(float)
    order = np.lexsort(matrix.round(2).T)
    return {name: values[order] for name, values in columns.items()}
