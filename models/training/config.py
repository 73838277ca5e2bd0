"""The part of the configuration that Tuner and Trainer read, as whoever runs them hands it over: one JSON text in
`custom_config`. What a key means and what holds when it is absent is the pipeline's to say; here is only what arrives.
"""

from typing import Literal

from pydantic import Field

from core.hyperparameters import Hyperparameters
from core.strict import Strict


class ModelSettings(Strict):
    """Which model, and what it is built with."""

    module: str
    hyperparameters: Hyperparameters


class PlateauSettings(Strict):
    """When the learning rate falls, and how far."""

    factor: float
    patience: int
    floor: float


class AugmentationSettings(Strict):
    """How far an image may be moved from itself."""

    rotation: float
    shift: float
    shear: float
    zoom: float
    horizontal_flip: bool
    for_epochs: int | None


class TrainSettings(Strict):
    """What training may cost, and how it goes about it."""

    epochs: int | None
    max_steps: int | None
    batch_size: int
    early_stopping_patience: int
    seed: int
    plateau: PlateauSettings | None
    class_weights: Literal["none", "balanced"]
    loss: Literal["default", "focal"]
    focal_gamma: float
    augmentation: AugmentationSettings | None
    accelerator: Literal["auto", "cpu", "gpu"]
    mixed_precision: Literal["auto", "always", "never"]


class TunerSettings(Strict):
    """How hyperparameters are searched."""

    enabled: bool
    algorithm: Literal["grid", "random", "bayesian", "hyperband"]
    max_trials: int
    max_minutes: float | None
    epochs: int
    parallel_trials: int
    stop_poor_trials: bool
    max_failures: int
    frozen: str | None


class LearningSettings(Strict):
    """Everything that a search or a training is given."""

    model: ModelSettings
    train: TrainSettings
    tuner: TunerSettings
    label: str
    withheld: list[str]
    """Columns that features must not see."""
    class_names: list[str] = Field(default_factory=list)
    """The label's classes in the order of their numbers; empty: they are called by their numbers."""
    code: str
    """A hash of the code that learns: a checkpoint of other code is not gone on from."""
    durable_dir: str
    """Where a killed search or training finds again what it had reached."""
