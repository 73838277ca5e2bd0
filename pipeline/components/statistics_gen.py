"""StatisticsGen that skips Beam for data that one process reads in seconds.

Laying out and starting TFDV's Beam pipeline costs seconds whatever the number of rows. The same TFDV generators are
combiners; here they are fed batch by batch in bounded memory. Larger data goes through TFX's own executor.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components.statistics_gen.executor import DEFAULT_FILE_NAME, Executor
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx_bsl.coders import example_coder

from pipeline.artifacts.absence import mark_absent, present
from pipeline.artifacts.examples import keep_images, raw_batches, shards

# Compressed bytes of all splits together that one process goes through in about half a minute.
IN_PROCESS_BYTES = 128 * 2**20


class StatisticsGenExecutor(Executor):
    """Describes each split of the examples."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `Split-<name>/FeatureStats.pb`, as TFX does."""
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        if not present([examples]):
            mark_absent(statistics)
            return
        splits = artifact_utils.decode_split_names(examples.split_names)
        files = {split: shards(examples, split) for split in splits}
        if sum(tf.io.gfile.stat(file).length for paths in files.values() for file in paths) > IN_PROCESS_BYTES:
            super().Do(input_dict, output_dict, exec_properties)
            described = {split: load_statistics(statistics, split).proto() for split in splits}
        else:
            described = {split: describe(paths) for split, paths in files.items()}
            statistics.split_names = artifact_utils.encode_split_names(splits)
            statistics.span = examples.span
        keep_images(statistics, examples)
        for split, description in described.items():
            folder = artifact_utils.get_split_uri([statistics], split)
            fileio.makedirs(folder)
            with fileio.open(f"{folder}/{DEFAULT_FILE_NAME}", "wb") as file:
                file.write(count_empty_as_missing(description).SerializeToString())


def describe(files: list[str]) -> statistics_pb2.DatasetFeatureStatisticsList:
    """TFDV's statistics of the tf.Examples in `files`."""
    options = tfdv.StatsOptions()
    generators = stats_impl.get_generators(options, in_memory=True)
    decoder = example_coder.ExamplesToRecordBatchDecoder()
    partials = [generator.create_accumulator() for generator in generators]
    for file in files:
        for serialized in raw_batches(file):
            batch = empty_lists_as_missing(decoder.DecodeBatch(serialized))
            seen = stats_impl.generate_partial_statistics_in_memory(batch, options, generators)
            partials = [
                generator.merge_accumulators([partial, new])
                for generator, partial, new in zip(generators, partials, seen, strict=True)
            ]
    return stats_impl.extract_statistics_output(partials, generators)


def empty_lists_as_missing(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Makes an empty list among lists of several values, such as images, a missing value: TFDV counts it as present,
    and no schema's `presence` would ever be broken."""
    return pa.RecordBatch.from_arrays([_empty_as_null(column) for column in batch.columns], batch.schema.names)


def _empty_as_null(column: pa.Array) -> pa.Array:
    if not pa.types.is_large_list(column.type):
        return column
    lengths = np.asarray(pc.list_value_length(column).fill_null(0))
    if lengths.max(initial=0) <= 1 or lengths.all():
        return column
    starts = np.concatenate([[0], np.cumsum(lengths)])
    offsets = pa.array(starts, pa.int64(), mask=np.append(lengths == 0, False))
    return pa.LargeListArray.from_arrays(offsets, column.flatten())


def count_empty_as_missing(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Count the rows of a column of at most one value that hold none as missing.

    ExampleGen writes an empty cell as an empty list, which TFDV counts as present: no share of missing values would
    ever show, and no schema's `presence` would ever be broken.
    """
    for dataset in statistics.datasets:
        for feature in dataset.features:
            numeric = feature.HasField("num_stats")
            common = feature.num_stats.common_stats if numeric else feature.string_stats.common_stats
            if common.max_num_values <= 1:
                common.num_missing = dataset.num_examples - common.tot_num_values
                common.num_non_missing = common.tot_num_values
                common.min_num_values = min(1, common.tot_num_values)
    return statistics


class StatisticsGenSpec(ComponentSpec):
    """Examples in, statistics out."""

    PARAMETERS: ClassVar = {"code": ExecutionParameter(type=str)}
    INPUTS: ClassVar = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS: ClassVar = {"statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics)}


class StatisticsGen(BaseBeamComponent):
    """Describes each split of `examples`; `code` only makes a new cache key."""

    SPEC_CLASS = StatisticsGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(StatisticsGenExecutor)

    def __init__(self, examples: types.BaseChannel, code: str = "") -> None:
        statistics = types.Channel(type=standard_artifacts.ExampleStatistics)
        super().__init__(StatisticsGenSpec(examples=examples, code=code, statistics=statistics))
