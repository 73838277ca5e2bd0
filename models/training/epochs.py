"""The number of passes over train where the configuration leaves it open."""

import math

from core.hyperparameters import USUAL_EPOCHS
from models.training.callbacks import FEWEST_STEPS
from models.training.config import TrainSettings
from models.training.examples import rows_up_to

# With a few dozen rows 300 steps would be 300 passes, and the time is that of the passes and not of the rows.
MOST = 100


def epochs_of(train: TrainSettings, patterns: list[str], batch_size: int) -> int:
    """As configured, else ten; on few rows, whose epoch is a few steps, as many as reach the step from which early
    stopping counts. Ten epochs of 155 rows are 20 steps, after which the CNN has learnt nothing."""
    if train.epochs is not None:
        return train.epochs
    enough = math.ceil(FEWEST_STEPS / USUAL_EPOCHS) * batch_size
    steps = math.ceil(rows_up_to(enough, patterns) / batch_size)
    return min(MOST, max(USUAL_EPOCHS, math.ceil(FEWEST_STEPS / max(steps, 1))))
