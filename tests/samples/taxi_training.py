"""A small training on taxi rides, in the form that the Trainer calls."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs

from models.training.run import run_fn
from pipeline.component_inputs import LearningInputs
from pipeline.config.training import TrainConfig, TunerConfig
from pipeline.config.workload import ModelConfig
from tests.samples.folders import scratch
from tests.samples.taxi_transformed import prepared

TRAIN: dict[str, Any] = {"epochs": 2, "batch_size": 64, "seed": 7}


def arguments(home: Path, train: dict[str, Any] | None = None) -> FnArgs:
    """What TFX hands to `run_fn`; `train` is written as in a workload's configuration."""
    examples = prepared().examples
    return FnArgs(
        working_dir=str(home / "work"),
        train_files=[f"{examples}/Split-train/*"],
        eval_files=[f"{examples}/Split-eval/*"],
        transform_graph_path=prepared().graph,
        model_run_dir=str(home / "run"),
        serving_model_dir=str(home / "model"),
        custom_config=LearningInputs(
            model=ModelConfig(module="models.wide_and_deep", hyperparameters={"dropout": 0.1}),
            train=TrainConfig.model_validate({**TRAIN, **(train or {})}),
            tuner=TunerConfig(),
            label="big_tipper",
            withheld=["payment_type", "tips"],
            code="as it is",
            durable_dir=str(home / "durable"),
        ).to_custom_config(),
    )


@functools.cache
def trained() -> Path:
    """Trains once for all tests that only look at what comes out."""
    home = scratch()
    run_fn(arguments(home))
    return home
