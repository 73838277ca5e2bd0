"""`python -m tests.samples.beam_tasks EXAMPLES OUTPUT [BEAM OPTION…]`: StatisticsGen and Transform of taxi rides, by
Beam, in a process whose environment leads Google's clients."""

from __future__ import annotations

import sys

from tfx.types import artifact_utils, standard_artifacts

from pipeline.components import statistics_gen
from tests.samples.taxi_transformed import transform


def describe(examples: standard_artifacts.Examples, output: str, beam: list[str]) -> None:
    """The component's statistics, however few rows there are, by Beam."""
    statistics_gen.IN_PROCESS_BYTES = -1
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = f"{output}/statistics"
    executor = statistics_gen.StatisticsGenExecutor
    executor(executor.Context(beam_pipeline_args=list(beam), tmp_dir=f"{output}/tmp", unique_id="1")).Do(
        {"examples": [examples]}, {"statistics": [statistics]}, {}
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
    transform(raw_examples(given), f"{output}/graph", f"{output}/transformed", beam_options, f"{output}/tmp")
