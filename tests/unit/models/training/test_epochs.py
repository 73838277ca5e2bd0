"""Few rows are passed over more often, many and what the configuration says are not."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from models.training.config import TrainSettings
from models.training.epochs import epochs_of
from models.training.examples import rows_up_to
from pipeline.config.training import TrainConfig


def _files(folder: Path, rows: int) -> list[str]:
    for shard in range(2):
        with tf.io.TFRecordWriter(f"{folder}/{shard}.gz", tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for _ in range(shard, rows, 2):
                writer.write(b"row")
    return [f"{folder}/*"]


def _train(epochs: int | None = None) -> TrainSettings:
    return TrainSettings.model_validate(TrainConfig(epochs=epochs).model_dump())


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"),
    [
        (20, 128, 100),
        (155, 128, 100),
        (1412, 128, 25),
        (3712, 128, 11),
        (3713, 128, 10),
        (5000, 128, 10),
        (155, 16, 30),
    ],
)
def test_few_rows_are_passed_over_until_there_were_300_steps_or_100_passes(
    tmp_path: Path, rows: int, batch_size: int, epochs: int
) -> None:
    assert epochs_of(_train(), _files(tmp_path, rows), batch_size) == epochs


def test_what_is_configured_holds_whatever_the_rows(tmp_path: Path) -> None:
    assert epochs_of(_train(epochs=3), _files(tmp_path, 20), 128) == 3


def test_no_more_rows_are_read_than_needed(tmp_path: Path) -> None:
    assert (rows_up_to(7, _files(tmp_path, 20)), rows_up_to(50, _files(tmp_path, 20))) == (7, 20)
