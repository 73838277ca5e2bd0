"""Real taxi rides, transformed as the pipeline does it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.transform.executor import Executor
from tfx.proto import transform_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import json_utils, proto_utils

from pipeline.features import FeatureInputs
from tests.samples.folders import ROOT, scratch

TAXI = FeatureInputs(
    module="preprocessing.taxi", label="big_tipper", withheld=["payment_type", "tips"], code="as it is"
)
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
    graph, transformed = str(home / "graph"), str(home / "examples")
    transform(raw, graph, transformed, BEAM, str(home))
    return Prepared(graph, transformed, rows, serialized)


def transform(
    raw: standard_artifacts.Examples, graph_uri: str, transformed_uri: str, beam: list[str], scratch_folder: str
) -> None:
    """Runs the pipeline's Transform: `raw` has the splits train and eval."""
    graph, transformed = standard_artifacts.TransformGraph(), standard_artifacts.Examples()
    schema = standard_artifacts.Schema()
    graph.uri, transformed.uri, schema.uri = graph_uri, transformed_uri, str(ROOT / "schema/taxi")
    context = Executor.Context(beam_pipeline_args=list(beam), tmp_dir=scratch_folder, unique_id="1")
    Executor(context).Do(
        {"examples": [raw], "schema": [schema]},
        {"transform_graph": [graph], "transformed_examples": [transformed]},
        {
            "preprocessing_fn": "pipeline.features.preprocessing_fn",
            "custom_config": json_utils.dumps(TAXI.to_custom_config()),
            "disable_statistics": 1,
            "force_tf_compat_v1": 1,
            "splits_config": proto_utils.proto_to_json(
                transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"])
            ),
        },
    )


def transformed_rows(of: Prepared, split: str) -> pd.DataFrame:
    files = tf.io.gfile.glob(f"{of.examples}/Split-{split}/*")
    serialized = [record.numpy() for record in tf.data.TFRecordDataset(files, "GZIP")]
    return pd.DataFrame(
        {k: v.numpy() for k, v in tf.io.parse_example(serialized, of.transformed.transformed_feature_spec()).items()}
    )
