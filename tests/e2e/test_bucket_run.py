"""The taxi pipeline writes the same artifacts to a bucket as to a folder, registers and pushes there, and is reused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from google.cloud import storage

from cloud.bucket_registry import BucketRegistry
from cloud.bucket_versions import BucketVersionFolder
from cloud.testing.cloud import LocalCloud
from registry.contents import contents_of
from tests.samples.bucket_runs import run_in_bucket
from tests.samples.local_runs import QUICK, TAXI_CSV, Run

BUCKET = "taxi-run"
ROOM = f"gs://{BUCKET}/sluice"
COMPONENTS = {
    "ExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "DataGate",
    "References",
    "Transform",
    "Trainer",
    "Evaluator",
    "ModelGate",
    "Registrar",
    "Pusher",
}


@dataclass(frozen=True)
class BucketRun:
    """The states of a run and of the same run once more, and a copy of what they left in the bucket."""

    states: list[dict[str, str]]
    copy: Path


@pytest.fixture(scope="module")
def in_bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketRun]:
    home = tmp_path_factory.mktemp("bucket-run")
    with LocalCloud() as cloud, cloud.applied():
        bucket = storage.Client().create_bucket(BUCKET, location="us-central1")
        bucket.blob("data/data.csv").upload_from_filename(str(TAXI_CSV))
        states = run_in_bucket(cloud, ROOM, home, f"gs://{BUCKET}/data/data.csv", *QUICK[1::2])
        for blob in bucket.list_blobs():
            if not blob.name.endswith("/"):
                (home / blob.name).parent.mkdir(parents=True, exist_ok=True)
                blob.download_to_filename(str(home / blob.name))
        yield BucketRun(states, home / "sluice")


def both(in_bucket: BucketRun, here: Run, component: str, output: str) -> tuple[Path, Path]:
    """An output of a component in the copy of the bucket, and on this machine: the first one."""
    [there] = (in_bucket.copy / "artifacts" / component / output).iterdir()
    made_here = (here.output / here.workload / "artifacts" / component / output).iterdir()
    return there, min(made_here, key=lambda folder: int(folder.name))


def examples_in(folder: Path) -> list[bytes]:
    """All examples, each with its columns in a fixed order: in a proto their order is that of the process's hashes."""
    shards = [str(path) for path in folder.iterdir()]
    records = tf.data.TFRecordDataset(shards, compression_type="GZIP").as_numpy_iterator()
    return sorted(tf.train.Example.FromString(record).SerializeToString(deterministic=True) for record in records)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def test_every_component_ran_and_the_next_run_reuses_them_all(in_bucket: BucketRun) -> None:
    first, second = in_bucket.states
    assert set(first) == COMPONENTS
    assert set(first.values()) == {"ran"}
    assert second == dict.fromkeys(first, "reused")


def test_nothing_was_written_to_a_local_folder_of_that_name(in_bucket: BucketRun) -> None:
    assert not (Path.cwd() / "gs:").exists()


def test_the_examples_are_the_same(in_bucket: BucketRun, first_run: Run) -> None:
    there, here = both(in_bucket, first_run, "ExampleGen", "examples")
    for split in ("train", "eval", "test"):
        records = [examples_in(folder / f"Split-{split}") for folder in (there, here)]
        assert records[0] == records[1] != []


def test_statistics_schema_and_anomalies_are_the_same(in_bucket: BucketRun, first_run: Run) -> None:
    for component, output in (("StatisticsGen", "statistics"), ("ExampleValidator", "anomalies")):
        there, here = both(in_bucket, first_run, component, output)
        assert contents_of(there) == contents_of(here) != {}
    there, here = both(in_bucket, first_run, "SchemaGen", "schema")
    assert (there / "schema.pbtxt").read_text() == (here / "schema.pbtxt").read_text()


@pytest.mark.parametrize("gate", ["ExampleValidator", "DataGate", "Evaluator", "ModelGate"])
def test_the_gates_find_the_same(in_bucket: BucketRun, first_run: Run, gate: str) -> None:
    reports = [read_json(each / "report.json") for each in both(in_bucket, first_run, gate, "report")]
    there, here = (
        [(finding["check"], finding["subject"], finding["severity"]) for finding in report["findings"]]
        for report in reports
    )
    assert [report["verdict"] for report in reports] == ["pass", "pass"]
    assert there == here


def test_the_model_is_as_good(in_bucket: BucketRun, first_run: Run) -> None:
    there, here = (
        read_json(each / "evaluation.json") for each in both(in_bucket, first_run, "Evaluator", "evaluation")
    )
    figures = [
        {(each["metric"], str(each["slice"])): each["value"] for each in found["estimates"]} for found in (there, here)
    ]
    assert figures[0] == pytest.approx(figures[1], abs=1e-3, nan_ok=True)


def test_the_model_was_registered_and_pushed_whole(in_bucket: BucketRun, tmp_path: Path) -> None:
    registry = BucketRegistry(f"{BUCKET}/sluice/registry")
    [version] = registry.versions("taxi")
    assert version.aliases == ("latest", "production")
    assert registry.alteration(version) == ""
    registry.fetch("taxi", "latest", tmp_path / "fetched")
    [pushed] = BucketVersionFolder(f"{ROOM}/serving").versions()
    [trained] = (in_bucket.copy / "artifacts/Trainer/model").iterdir()
    model = contents_of(trained / "Format-Serving")
    assert contents_of(tmp_path / "fetched/model") == model != {}
    assert contents_of(in_bucket.copy / f"serving/{pushed}") == model
    assert version.labels["deployment"] == f"pushed-{pushed}"
