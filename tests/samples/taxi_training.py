"""A small training on taxi rides, in the form that the Trainer calls."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs

from models.training.run import run_fn
from pipeline.config.training import TrainConfig
from tests.samples.folders import scratch
from tests.samples.taxi_transformed import prepared

TRAIN: dict[str, Any] = TrainConfig(epochs=2, batch_size=64, seed=7).model_dump()


def arguments(home: Path, train: dict[str, Any] | None = None) -> FnArgs:
    """What TFX hands to `run_fn`."""
    examples = prepared().examples
    return FnArgs(
        working_dir=str(home / "work"),
        train_files=[f"{examples}/Split-train/*"],
        eval_files=[f"{examples}/Split-eval/*"],
        transform_graph_path=prepared().graph,
        model_run_dir=str(home / "run"),
        serving_model_dir=str(home / "model"),
        custom_config={
            "model": {"module": "models.wide_and_deep", "hyperparameters": {"dropout": 0.1}},
            "train": {**TRAIN, **(train or {})},
            "label": "big_tipper",
            "withheld": ["payment_type", "tips"],
            "durable_dir": str(home / "durable"),
        },
    )


@functools.cache
def trained() -> Path:
    """Trains once for all tests that only look at what comes out."""
    home = scratch()
    run_fn(arguments(home))
    return home
