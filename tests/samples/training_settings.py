"""The section `train` as models read it, written as in a workload's configuration."""

from __future__ import annotations

from typing import Any

from models.training.config import TrainSettings
from pipeline.config.training import TrainConfig


def train_settings(**train: Any) -> TrainSettings:
    """What the pipeline hands over when a workload says `train`."""
    return TrainSettings.from_property(TrainConfig.model_validate(train).to_property())
