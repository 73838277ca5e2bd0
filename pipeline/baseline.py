"""A baseline from outside: whether it can be used, and how it takes part in the evaluation."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gates.outside_baseline import OutsideFigures, read_outside_figures
from pipeline.config import EvaluatorConfig, WorkloadConfig
from pipeline.errors import SluiceError

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_node import BaseNode
    from tfx.types import BaseChannel

    from pipeline.platform import Platform


def outside_figures(config: EvaluatorConfig) -> OutsideFigures | None:
    """The figures of the baseline's `metrics_file`; None without one.

    Raises:
      SluiceError: when they cannot be read or judged.
    """
    if config.baseline is None or config.baseline.metrics_file is None:
        return None
    return read_outside_figures(Path(config.baseline.metrics_file), config.metrics, config.baseline.no_worse_by)


def what_evaluation_needs(config: EvaluatorConfig) -> dict[str, Any]:
    """The configuration of the Evaluator, with the figures of a baseline from outside under `outside`."""
    figures = outside_figures(config)
    return {**config.model_dump(mode="json"), "outside": dataclasses.asdict(figures) if figures else None}


def champion_of(config: WorkloadConfig, platform: Platform, schema: BaseChannel, candidate: BaseChannel) -> BaseNode:
    """The node that gives the model that the candidate must not fall behind: the one from outside that the
    configuration names, else the last blessed one."""
    baseline = config.evaluator.baseline
    if baseline is None or baseline.saved_model is None:
        return platform.champion(candidate)
    from pipeline.components.outside_model import OutsideModel  # a check of the configuration needs no TFX

    return OutsideModel(schema, baseline, platform.code("pipeline.components.outside_model", "models.outside"))


def check_baseline(config: EvaluatorConfig) -> None:
    """Raises SluiceError for a baseline that is not there or is none."""
    outside_figures(config)
    if config.baseline is None or config.baseline.saved_model is None:
        return
    folder = Path(config.baseline.saved_model)
    if not (folder / "saved_model.pb").is_file():
        what = "there is no saved_model.pb in it" if folder.is_dir() else "there is no such folder"
        raise SluiceError(
            f"`evaluator.baseline.saved_model` names {folder}, and {what}",
            "A SavedModel is a folder with saved_model.pb and variables/",
        )
