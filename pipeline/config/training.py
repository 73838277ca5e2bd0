"""How a model is trained and how its hyperparameters are searched."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from core.hyperparameters import DEFAULT_BATCH_SIZE, USUAL_EPOCHS
from core.strict import Strict
from pipeline.config.types import Seed, Share


class PlateauConfig(Strict):
    """When the learning rate falls, and how far."""

    factor: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """What the learning rate is multiplied by."""
    patience: PositiveInt = 3
    """Epochs without a better eval loss before it is."""
    floor: Annotated[float, Field(ge=0.0)] = 1e-6
    """The learning rate never falls below."""


class AugmentationConfig(Strict):
    """How far an image may be moved from itself; what comes from outside repeats the nearest border. Every image
    draws its own transformation, another one each epoch, the same ones for the same seed."""

    rotation: Annotated[float, Field(ge=0.0, le=180.0)] = 0.0
    """Degrees to either side."""
    shift: Share = 0.0
    """Share of the height and of the width, in each direction."""
    shear: Share = 0.0
    """Slant to either side: columns that a row moves for each row below the centre."""
    zoom: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Share by which height and width shrink or grow, each by its own draw."""
    horizontal_flip: bool = False
    """Mirrors every second image left to right."""
    for_epochs: PositiveInt | None = None
    """So many epochs; those that follow learn from images as they are, as serving will send them, beginning with the
    first learning rate again. null: all."""


class TrainConfig(Strict):
    """What training may cost, and how it goes about it."""

    epochs: PositiveInt | None = None
    """Passes over train at most; early stopping may end sooner. null: 10, and on few rows as many as make 300 gradient
    steps, at most 100."""
    max_steps: PositiveInt | None = None
    """Gradient steps at most, whatever the epochs say."""
    batch_size: PositiveInt = DEFAULT_BATCH_SIZE
    """Rows a gradient step."""
    early_stopping_patience: NonNegativeInt = 3
    """Epochs without a better eval loss before training ends, counted from gradient step 300 on: with few rows an epoch
    is a few steps. 0 never stops early."""
    seed: Seed = 0
    """Seed of every random choice in tuning and training."""
    plateau: PlateauConfig | None = None
    """Lowers the learning rate whenever the eval loss no longer falls; null keeps it as it is."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced`: every class weighs the same in the loss, however few rows it has."""
    loss: Literal["default", "focal"] = "default"
    """`default`: the model's own; `focal`: its focal form, in which a row counts less the better it is known."""
    focal_gamma: Annotated[float, Field(ge=1.0)] = 2.0
    """For `loss: focal`: how much less; with 2 a row that is known to 90 % counts a hundredth."""
    augmentation: AugmentationConfig | None = None
    """Changes images at random while the model learns from them, and never where it is evaluated or served."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """What to compute on. `auto` takes GPUs where there are any, all of them; `gpu` refuses to train without."""
    mixed_precision: Literal["auto", "always", "never"] = "auto"
    """Half precision inside the model, float32 for its weights and for serving. `auto`: on GPUs with tensor cores;
    `always` also asks CPUs for bfloat16 and refuses those that cannot."""

    @property
    def usual_epochs(self) -> int:
        """Passes over train at most, of which few rows may have more (`models/training/epochs.py`)."""
        return self.epochs or USUAL_EPOCHS


class TunerConfig(Strict):
    """The search for hyperparameters, scored on eval: the trial with the lowest loss on eval wins."""

    enabled: bool = False
    """Whether to search at all."""
    algorithm: Literal["grid", "random", "bayesian", "hyperband"] = "random"
    """How the next trial is chosen. `grid` (every point, in the order of the space; ten values of a continuous one) and
    `random` give the same trials however many run at a time, `bayesian` looks at those that have ended."""
    max_trials: PositiveInt = 30
    """Trials at most; `hyperband` counts its own by `epochs`."""
    max_minutes: PositiveFloat | None = None
    """For the whole search, with what a killed one had spent; then the best trial so far is taken."""
    epochs: PositiveInt = 2
    """Passes over train in a trial at most."""
    parallel_trials: PositiveInt = 1
    """Trials that run at a time, each in a process of its own that gets its share of the cores."""
    stop_poor_trials: bool = True
    """Stop a trial whose best loss on eval after an epoch is above the median of what the trials before it had on
    average up to there. `hyperband` stops trials in its own way, independent of this key."""
    max_failures: PositiveInt = 10
    """Failed trials after which no more are begun; a failed trial alone never fails the search."""
    frozen: str | None = None
    """A YAML or JSON file of hyperparameters that are used instead of searching, such as the `hyperparameters.yaml`
    that a run with a search leaves beside its report."""
