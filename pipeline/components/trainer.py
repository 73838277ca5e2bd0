"""TFX's Trainer: the platform may do its work elsewhere, and its export carries golden requests, a few raw rows of eval
with the model's answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfx import types
from tfx.components.trainer.executor import GenericExecutor
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter
from tfx.types.standard_component_specs import TrainerSpec as PlainTrainerSpec
from tfx.utils import json_utils, path_utils

from models.export.golden import MOST_ROWS, write_golden
from models.export.replay import read_built
from pipeline.artifacts.examples import raw_batches, shards

if TYPE_CHECKING:
    # Not when it runs: the platform's code is none of that which learns, by which results are taken from the cache.
    from pipeline.platform import Elsewhere

RAW = "raw_examples"
SPLIT = "eval"


class TrainerExecutor(GenericExecutor):
    """Trains, then writes the golden requests."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """As TFX's, and the warm-up file into the export."""
        super().Do(input_dict, output_dict, exec_properties)
        [raw] = input_dict[RAW]
        model = artifact_utils.get_single_uri(output_dict["model"])
        built = read_built(artifact_utils.get_single_uri(output_dict["model_run"]))
        graph = artifact_utils.get_single_uri(input_dict["transform_graph"])
        rows = [row for path in shards(raw, SPLIT)[:1] for row in next(raw_batches(path))[:MOST_ROWS]]
        write_golden(path_utils.serving_model_dir(model), graph, built.unseen, rows)


class TrainerSpec(PlainTrainerSpec):
    """As TFX's, with the rows before their transformation."""

    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        **PlainTrainerSpec.INPUTS,
        RAW: ChannelParameter(type=standard_artifacts.Examples),
    }


class Trainer(BaseComponent):
    """Fits a model by `run_fn`; `raw_examples` are the rows that `examples` were transformed from."""

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(TrainerExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        raw_examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        train_args: trainer_pb2.TrainArgs,
        eval_args: trainer_pb2.EvalArgs,
        run_fn: str,
        custom_config: Mapping[str, Any],
        hyperparameters: types.BaseChannel | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        added = elsewhere.custom_config if elsewhere else {}
        super().__init__(
            TrainerSpec(
                examples=examples,
                raw_examples=raw_examples,
                transform_graph=transform_graph,
                hyperparameters=hyperparameters,
                train_args=train_args,
                eval_args=eval_args,
                run_fn=run_fn,
                custom_config=json_utils.dumps({**custom_config, **added}),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )
        if elsewhere:
            self.executor_spec = ExecutorClassSpec(elsewhere.executor)
