"""The taxi features, on real rows, through the Transform executor that the pipeline runs."""

import atexit
import functools
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.transform.executor import Executor
from tfx.proto import transform_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import json_utils, proto_utils

from preprocessing.columns import as_numbers
from preprocessing.taxi import preprocessing_fn

ROOT = Path(__file__).parents[2]
TAXI: dict[str, Any] = {
    "preprocessing_module": "preprocessing.taxi",
    "label": "big_tipper",
    "withheld": ["payment_type", "tips"],
}
BEAM = [
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    "--direct_num_workers=1",
    # Named so that TFX does not package itself for workers that do not exist.
    "--sdk_container_image=local",
]
WHOLE = ["trip_start_month", "trip_start_hour", "trip_start_day", "trip_start_timestamp", "trip_seconds", "big_tipper"]
WHOLE += ["pickup_community_area", "dropoff_community_area", "pickup_census_tract", "dropoff_census_tract"]
TEXT = ["company", "payment_type"]


@dataclass(frozen=True)
class Prepared:
    """Where a small Transform run left its things, and the rows that it read."""

    graph: str
    examples: str
    rows: pd.DataFrame
    serialized: list[bytes]

    @property
    def transformed(self) -> tft.TFTransformOutput:
        return tft.TFTransformOutput(self.graph)


def scratch() -> Path:
    """A folder for what several test files share; pytest's own live no longer than one test."""
    home = Path(tempfile.mkdtemp(prefix="sluice-test-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


@functools.cache
def taxi_rows(count: int) -> pd.DataFrame:
    package = Path(find_spec("tfx").submodule_search_locations[0])  # type: ignore[union-attr,index]
    rows = pd.read_csv(package / "examples/chicago_taxi_pipeline/data/simple/data.csv", nrows=count)
    return rows.assign(big_tipper=(rows.tips > 0.2 * rows.fare).astype(int))


def as_example(row: dict[str, Any]) -> bytes:
    """A missing value is a feature without values, as CsvExampleGen has it."""
    features = {}
    for name, value in row.items():
        values = [] if pd.isna(value) else [value]
        if name in WHOLE:
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(v) for v in values]))
        elif name in TEXT:
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() for v in values]))
        else:
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@functools.cache
def prepared() -> Prepared:
    """Transforms 1,600 real rows once for all tests that ask: 1,200 in train, 400 in eval."""
    rows = taxi_rows(1600)
    home = scratch()
    serialized = [as_example(row) for row in rows.to_dict("records")]
    raw = standard_artifacts.Examples()
    raw.uri, raw.split_names = str(home / "raw"), artifact_utils.encode_split_names(["train", "eval"])
    for split, part in (("train", serialized[:1200]), ("eval", serialized[1200:])):
        folder = home / "raw" / f"Split-{split}"
        folder.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(folder / "data-00000-of-00001.gz"), "GZIP") as writer:
            for example in part:
                writer.write(example)
    graph, transformed, schema = (
        standard_artifacts.TransformGraph(),
        standard_artifacts.Examples(),
        standard_artifacts.Schema(),
    )
    graph.uri, transformed.uri, schema.uri = str(home / "graph"), str(home / "examples"), str(ROOT / "schema/taxi")
    Executor(Executor.Context(beam_pipeline_args=list(BEAM), tmp_dir=str(home), unique_id="1")).Do(
        {"examples": [raw], "schema": [schema]},
        {"transform_graph": [graph], "transformed_examples": [transformed]},
        {
            "preprocessing_fn": "pipeline.features.preprocessing_fn",
            "custom_config": json_utils.dumps(TAXI),
            "disable_statistics": 1,
            "force_tf_compat_v1": 1,
            "splits_config": proto_utils.proto_to_json(
                transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"])
            ),
        },
    )
    return Prepared(graph.uri, transformed.uri, rows, serialized)


def transformed_rows(of: Prepared, split: str) -> pd.DataFrame:
    files = tf.io.gfile.glob(f"{of.examples}/Split-{split}/*")
    serialized = [record.numpy() for record in tf.data.TFRecordDataset(files, "GZIP")]
    return pd.DataFrame(
        {k: v.numpy() for k, v in tf.io.parse_example(serialized, of.transformed.transformed_feature_spec()).items()}
    )


@pytest.mark.parametrize(
    "name", ["fare", "fare_a_mile", "pickup_longitude", "dropoff_latitude", "trip_start_timestamp"]
)
def test_scaled_numbers_have_mean_0_and_variance_1_over_the_rows_of_train_that_have_them(name: str) -> None:
    rows = transformed_rows(prepared(), "train")
    scaled = rows[rows[f"{name}_bucket"] != 0][f"{name}_scaled"]
    assert scaled.mean() == pytest.approx(0, abs=1e-4)
    assert scaled.std(ddof=0) == pytest.approx(1, abs=1e-4)


def test_scales_are_learnt_from_train_alone() -> None:
    logs = np.log1p(prepared().rows.fare.to_numpy())
    expected = (logs[1200:] - logs[:1200].mean()) / logs[:1200].std()
    np.testing.assert_allclose(np.sort(transformed_rows(prepared(), "eval").fare_scaled), np.sort(expected), atol=1e-4)


def test_every_category_lies_within_the_size_that_the_schema_gives_the_model() -> None:
    categories = {
        feature.name: feature.int_domain.max
        for feature in prepared().transformed.transformed_metadata.schema.feature
        if feature.int_domain.is_categorical
    }
    assert {"trip_start_hour_id", "company_id", "pickup_latitude_bucket"} <= set(categories)
    for split in ("train", "eval"):
        rows = transformed_rows(prepared(), split)
        for name, largest in categories.items():
            assert 0 <= rows[name].min() <= rows[name].max() <= largest, name


def test_missing_values_get_the_category_and_the_number_set_aside_for_them() -> None:
    rows, raw = transformed_rows(prepared(), "train"), prepared().rows[:1200]
    missing = raw.dropoff_latitude.isna().sum()
    assert missing > 0
    assert (rows.dropoff_latitude_bucket == 0).sum() == missing
    assert (rows.dropoff_latitude_scaled == 0).sum() >= missing
    assert (rows.dropoff_community_area_id == 0).sum() == raw.dropoff_community_area.isna().sum()
    assert not rows.isna().any().any()


def test_buckets_hold_about_equally_many_rows() -> None:
    filled = transformed_rows(prepared(), "train").trip_start_timestamp_bucket.value_counts()
    assert len(filled) == 20
    assert filled.min() > 30
    assert filled.max() < 90


def test_features_whose_columns_are_withheld_are_left_out_and_the_others_stay() -> None:
    """As when `prediction.made_at` is `request`: what the ride tells is not known yet."""
    names: set[str] = set()

    def traced(inputs: dict[str, Any]) -> dict[str, tf.Tensor]:
        features = preprocessing_fn(inputs)
        names.update(features)
        return features

    specs = prepared().transformed.raw_feature_spec()
    known = {name: specs[name] for name in specs if name.startswith(("trip_start", "pickup"))}
    tft.get_analyze_input_columns(traced, {n: tf.SparseTensorSpec([None, None], s.dtype) for n, s in known.items()})
    assert {"trip_start_hour_id", "pickup_latitude_bucket", "trip_start_timestamp_scaled"} <= names
    assert all(name.startswith(("trip_start", "pickup")) for name in names)


def test_same_rows_give_the_same_features_twice() -> None:
    again = prepared.__wrapped__()
    for split in ("train", "eval"):
        pd.testing.assert_frame_equal(transformed_rows(prepared(), split), transformed_rows(again, split))


@pytest.mark.parametrize("dense", [True, False])
def test_dense_and_sparse_columns_give_the_same_numbers(dense: bool) -> None:
    column = tf.constant([3, 5], tf.int64)
    given = column if dense else tf.SparseTensor([[0, 0], [1, 0]], column, [2, 1])
    assert as_numbers(given, origin=1).numpy().tolist() == [2.0, 4.0]
