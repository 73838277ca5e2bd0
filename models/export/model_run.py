"""What training leaves beside the exported model, file by file: how the model was built, how it learned, what it took.
Typed here for those who write it and for those who read it; free of heavy imports.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from core.hyperparameters import Hyperparameters

BUILT_FILE, WEIGHTS_FILE = "built.json", "model.weights.h5"
HISTORY_FILE, TRAINING_FILE = "history.json", "training.json"
# By metric, a figure an epoch.
History = dict[str, list[float]]


@dataclass(frozen=True)
class Built:
    """What the model was built with and reads, for whoever builds it again. `in_effect` are the hyperparameters with
    the model's own defaults below them."""

    module: str
    hyperparameters: Hyperparameters
    in_effect: Hyperparameters
    label: str
    withheld: list[str]

    @property
    def unseen(self) -> set[str]:
        """Raw columns that no request asks for."""
        return {self.label, *self.withheld}

    def dumps(self) -> str:
        """The text of `built.json`."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> "Built":
        """What `dumps` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Utilisation:
    """Shares from 0 to 1 of what the machine has: the mean of CPU and GPU (none: no GPU), the peak of memory, and
    the share of time in which training waited for its input (none: nobody looked)."""

    cpu: float
    gpu: float | None
    memory: float
    input_stall: float | None

    def as_json(self) -> dict[str, float | None]:
        """Rounded to three digits."""
        return {name: None if value is None else round(value, 3) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class TrainingRecord:
    """`seconds` are those of the last process, evaluation and start-up included; `images_per_second` are rows by the
    seconds that gradient steps took, None when nobody counted them; `epochs_run` and `steps` count what came before a
    kill, too."""

    epochs_run: int
    steps: int
    seconds: float
    images_per_second: float | None
    devices: list[str]
    mixed_precision: bool
    resumed_from_epoch: int
    utilisation: Utilisation
    advice: list[str]
    hyperparameters: Hyperparameters
    parameters: int

    def as_json(self) -> dict[str, Any]:
        """As `training.json` holds it."""
        return {**vars(self), "utilisation": self.utilisation.as_json()}

    @classmethod
    def loads(cls, text: str) -> "TrainingRecord":
        """From the text of `training.json`."""
        plain = json.loads(text)
        return cls(**{**plain, "utilisation": Utilisation(**plain["utilisation"])})
