"""Statistics without Beam are the statistics that TFX's own component gives."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen.executor import Executor
from tfx.types import artifact_utils, standard_artifacts

from pipeline.artifacts.absence import mark_absent, present
from pipeline.components import statistics_gen

CSV = Path(importlib.util.find_spec("tfx").origin).parent / "examples/chicago_taxi_pipeline/data/simple/data.csv"


def _feature(value: Any) -> tf.train.Feature:
    if pd.isna(value):
        return tf.train.Feature()
    if isinstance(value, str):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> standard_artifacts.Examples:
    """1,200 real rides in two shards of train and one of eval."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path_factory.mktemp("examples"))
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
    artifact.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    artifact.set_string_custom_property("file_format", "tfrecords_gzip")
    rows = pd.read_csv(CSV, nrows=1200)[["fare", "company", "trip_miles", "dropoff_latitude"]].to_dict("records")
    for split, shard, part in (("train", 0, rows[:500]), ("train", 1, rows[500:900]), ("eval", 0, rows[900:])):
        folder = Path(artifact.uri) / f"Split-{split}"
        folder.mkdir(exist_ok=True)
        with tf.io.TFRecordWriter(str(folder / f"data-{shard:05d}.gz"), "GZIP") as writer:
            for row in part:
                features = tf.train.Features(feature={name: _feature(value) for name, value in row.items()})
                writer.write(tf.train.Example(features=features).SerializeToString())
    return artifact


def _run(executor: type[Executor], examples: standard_artifacts.Examples, folder: Path) -> dict[str, dict[str, Any]]:
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(folder)
    context = executor.Context(
        beam_pipeline_args=[
            "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
            "--sdk_container_image=none",
        ],
        tmp_dir=str(folder / "tmp"),
        unique_id="1",
    )
    executor(context).Do({"examples": [examples]}, {"statistics": [statistics]}, {})
    return {split: _figures(folder / f"Split-{split}/FeatureStats.pb") for split in ("train", "eval")}


def _figures(file: Path) -> dict[str, Any]:
    written = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
    [dataset] = statistics_gen.count_empty_as_missing(written).datasets
    found: dict[str, Any] = {"rows": dataset.num_examples}
    for feature in dataset.features:
        name, numeric = feature.path.step[0], feature.HasField("num_stats")
        stats = feature.num_stats if numeric else feature.string_stats
        found[f"{name} type"] = feature.type
        found[f"{name} missing"] = stats.common_stats.num_missing
        found[f"{name} there"] = stats.common_stats.num_non_missing
        if numeric:
            found[f"{name} mean"], found[f"{name} median"] = stats.mean, stats.median
            found[f"{name} bounds"] = [stats.min, stats.max]
            found[f"{name} buckets"] = [bucket.sample_count for h in stats.histograms for bucket in h.buckets]
        else:
            found[f"{name} distinct"] = stats.unique
            found[f"{name} top"] = {value.value: value.frequency for value in stats.top_values}
    return found


def test_gives_what_tfx_gives_over_several_shards(examples: standard_artifacts.Examples, tmp_path: Path) -> None:
    ours = _run(statistics_gen.StatisticsGenExecutor, examples, tmp_path / "ours")
    official = _run(Executor, examples, tmp_path / "official")
    assert ours["train"]["rows"] == 900
    for split in ("train", "eval"):
        assert set(ours[split]) == set(official[split])
        for name, figure in official[split].items():
            assert ours[split][name] == pytest.approx(figure, rel=1e-9), f"{split} {name}"


@pytest.mark.parametrize("limit", [statistics_gen.IN_PROCESS_BYTES, 1], ids=["in one process", "through Beam"])
def test_an_empty_cell_counts_as_missing(
    examples: standard_artifacts.Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(statistics_gen, "IN_PROCESS_BYTES", limit)
    _run(statistics_gen.StatisticsGenExecutor, examples, tmp_path)
    written = (tmp_path / "Split-eval/FeatureStats.pb").read_bytes()
    [dataset] = statistics_pb2.DatasetFeatureStatisticsList.FromString(written).datasets
    found = {
        feature.path.step[0]: (
            feature.num_stats if feature.HasField("num_stats") else feature.string_stats
        ).common_stats
        for feature in dataset.features
    }
    real = pd.read_csv(CSV, nrows=1200)[900:]
    assert real["company"].isna().sum() > 0
    for column in ("fare", "company", "dropoff_latitude"):
        assert found[column].num_missing == real[column].isna().sum(), column
        assert found[column].num_non_missing == real[column].notna().sum(), column


def test_hands_larger_data_to_beam(
    examples: standard_artifacts.Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_process = _run(statistics_gen.StatisticsGenExecutor, examples, tmp_path / "small")
    monkeypatch.setattr(statistics_gen, "IN_PROCESS_BYTES", 1)
    monkeypatch.setattr(statistics_gen, "describe", lambda files: pytest.fail("one process was to read it all"))
    through_beam = _run(statistics_gen.StatisticsGenExecutor, examples, tmp_path / "large")
    assert through_beam["eval"]["company top"] == in_process["eval"]["company top"]


def test_of_examples_that_are_not_there_there_are_no_statistics(tmp_path: Path) -> None:
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    mark_absent(examples)
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(tmp_path / "statistics")
    statistics_gen.StatisticsGenExecutor().Do({"examples": [examples]}, {"statistics": [statistics]}, {})
    assert not present([statistics])
