"""TFX's Tuner, which also keeps the result of every trial: `trials.json` and TensorBoard's files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfx import components
from tfx.components.tuner import executor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils

if TYPE_CHECKING:
    # Not when it runs: the platform's code is none of that which learns, by which results are taken from the cache.
    from pipeline.platform import Elsewhere

RESULTS = "tuner_results"


class Executor(executor.Executor):
    """TFX's executor; the tuner from `tuner_fn` writes its results in full."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Search, and write the best hyperparameters and all trials."""
        # Our search keeps everything under its `durable_dir`; an executor in a custom job has no temporary folder.
        tuner = executor.search(input_dict, exec_properties, tempfile.gettempdir(), print_tuning_summary=False)
        if not tuner.has_results:
            return
        executor.write_best_hyperparameters(tuner, output_dict)
        tuner.write_results(artifact_utils.get_single_uri(output_dict[RESULTS]))


class Tuner(components.Tuner):
    """Inputs and outputs are those of `tfx.components.Tuner`."""

    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, custom_config: Mapping[str, Any], elsewhere: Elsewhere | None = None, **inputs: Any) -> None:
        added = elsewhere.custom_config if elsewhere else {}
        super().__init__(custom_config={**custom_config, **added}, **inputs)
        if elsewhere:
            self.executor_spec = ExecutorClassSpec(elsewhere.executor)
