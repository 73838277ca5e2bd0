"""What each component is given of the configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from tfx.components import Transform

from pipeline.config.evaluation import EvaluatorConfig
from pipeline.config.references import outside_figures
from pipeline.config.workload import WorkloadConfig
from pipeline.platform import Platform
from pipeline.splits import Lineage

Purpose = Literal["search", "training"]
_CODE_OF: Mapping[Purpose, tuple[str, ...]] = {
    "search": ("models.search", "pipeline.components.tuner"),
    "training": ("models.training.run",),
}


def what_evaluation_needs(config: EvaluatorConfig) -> dict[str, Any]:
    """The configuration of the Evaluator, with the figures of a baseline from outside under `outside`."""
    figures = outside_figures(config)
    return {**config.model_dump(mode="json"), "outside": dataclasses.asdict(figures) if figures else None}


def learning_inputs(transform: Transform, lineage: Lineage) -> dict[str, Any]:
    """What Tuner and Trainer may look at: features of train and eval. Test is not among them."""
    return {
        "examples": transform.outputs["transformed_examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "train_args": lineage.train_args,
        "eval_args": lineage.eval_args,
    }


def what_features_need(config: WorkloadConfig, platform: Platform) -> dict[str, Any]:
    """The part of the configuration that computes features."""
    return {
        "preprocessing_module": config.preprocessing.module,
        "label": config.data.label,
        "withheld": config.prediction.withheld_columns(),
        "code": platform.code("pipeline.features", config.preprocessing.module),
    }


def what_training_needs(config: WorkloadConfig, platform: Platform, purpose: Purpose) -> dict[str, Any]:
    """The part of the configuration that trains, for the search or for the training of the model itself."""
    return {
        **config.model_dump(include={"model", "train", "tuner"}),
        "label": config.data.label,
        "withheld": config.prediction.withheld_columns(),
        "code": platform.code(config.model.module, *_CODE_OF[purpose]),
        # Where a killed search or training finds again what it had reached.
        "durable_dir": f"{platform.artifact_root}/durable/{purpose}",
    }


def what_registration_needs(config: WorkloadConfig, platform: Platform) -> dict[str, Any]:
    """The parts of the configuration that made the model or explain it, and the provenance of the run."""
    modules = ("pipeline.features", config.preprocessing.module, "models.training.run", config.model.module)
    return {
        "name": config.name,
        "config": config.model_dump(mode="json", include={"data", "prediction", "split", "train", "registry"}),
        "withheld": config.prediction.withheld_columns(),
        "headline": config.evaluator.metrics[:1],
        "provenance": {
            **platform.provenance,
            "data_fingerprint": platform.datasets.current.fingerprint,
            "code": platform.code(*modules),
            "seed": config.train.seed,
        },
    }
