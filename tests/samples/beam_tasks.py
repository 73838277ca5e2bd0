"""`python -m tests.samples.beam_tasks EXAMPLES OUTPUT [BEAM OPTION…]`: StatisticsGen and Transform of taxi rides, by
Beam, in a process whose environment leads Google's clients."""

from __future__ import annotations

import sys

from tfx.components.transform.executor import Executor as TransformExecutor
from tfx.proto import transform_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import json_utils, proto_utils

from pipeline.components import statistics_gen
from tests.samples.folders import ROOT
from tests.samples.taxi_transformed import TAXI


def describe(examples: standard_artifacts.Examples, output: str, beam: list[str]) -> None:
    """The component's statistics, however few rows there are, by Beam."""
    statistics_gen.IN_PROCESS_BYTES = -1
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = f"{output}/statistics"
    executor = statistics_gen.StatisticsGenExecutor
    executor(executor.Context(beam_pipeline_args=list(beam), tmp_dir=f"{output}/tmp", unique_id="1")).Do(
        {"examples": [examples]}, {"statistics": [statistics]}, {}
    )


def transform(examples: standard_artifacts.Examples, output: str, beam: list[str]) -> None:
    """The graph, and the rows that it made of train and eval."""
    graph, transformed = standard_artifacts.TransformGraph(), standard_artifacts.Examples()
    schema = standard_artifacts.Schema()
    graph.uri, transformed.uri, schema.uri = f"{output}/graph", f"{output}/transformed", str(ROOT / "schema/taxi")
    context = TransformExecutor.Context(beam_pipeline_args=list(beam), tmp_dir=f"{output}/tmp", unique_id="2")
    TransformExecutor(context).Do(
        {"examples": [examples], "schema": [schema]},
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


def raw_examples(uri: str) -> standard_artifacts.Examples:
    """The artifact of `Split-train` and `Split-eval` below `uri`."""
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = uri, artifact_utils.encode_split_names(["train", "eval"])
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_string_custom_property("file_format", "tfrecords_gzip")
    return examples


if __name__ == "__main__":
    given, output, *beam_options = sys.argv[1:]
    describe(raw_examples(given), output, beam_options)
    transform(raw_examples(given), output, beam_options)
