"""When training ends before its last epoch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from models.training.callbacks import FEWEST_STEPS, EarlyStopping, callbacks
from models.training.checkpoints import REMEMBERED, EpochCheckpoint
from pipeline.config.training import TrainConfig

ROWS, BATCH = 64, 8


def _epochs(rows: int, **train: Any) -> int:
    """Epochs of a training whose eval loss never falls."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    config = TrainConfig.model_validate({"epochs": 60, "early_stopping_patience": 2, **train})
    x = np.ones((rows, 1), np.float32)
    found = model.fit(
        x,
        x,
        batch_size=BATCH,
        epochs=config.epochs,
        validation_data=(x, x),
        callbacks=callbacks(config, model),
        verbose=0,
    )
    return len(found.history["loss"])


def test_patience_begins_after_so_many_steps_however_few_rows_there_are() -> None:
    steps = ROWS // BATCH
    assert _epochs(ROWS) == -(-FEWEST_STEPS // steps) + 1  # the epoch that reaches them is the first without a gain
    assert _epochs(FEWEST_STEPS * BATCH) == 3  # and where an epoch has so many steps, patience is as it was


@pytest.mark.parametrize("steps", [8, 24])
def test_an_end_that_something_else_asks_for_stays_one(steps: int) -> None:
    assert _epochs(ROWS, max_steps=steps) == steps // (ROWS // BATCH)


def test_its_state_survives_a_kill() -> None:
    """A checkpoint knows Keras's class; a subclass must not be left out."""
    stopping = EarlyStopping(patience=2)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    assert isinstance(stopping, tuple(REMEMBERED))
    assert EpochCheckpoint(model, "nowhere", [stopping], None)._others == [stopping]
