"""What one stack left is continued on the other: `tests/samples/stacks/` holds what was recorded on each.

`store`: two runs of the pipeline of `tests/unit/runners/local/test_seals.py`; `model`: the taxi model as pushed, with
the golden requests and the answers of the stack that trained it.
"""

from __future__ import annotations

import sqlite3
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from models.export.golden import FILE, FOLDER
from tests.unit.runners.local.test_seals import WEIGHTS, Runs

RECORDS = Path(__file__).parents[1] / "samples" / "stacks"
TRAIN = "%/Train/%"


@pytest.fixture(params=["classic", "modern"])
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with what that stack left."""
    with tarfile.open(RECORDS / f"{request.param}.tar.xz") as record:
        record.extractall(tmp_path, filter="data")
    return tmp_path


def _models(home: Path) -> list[int]:
    with sqlite3.connect(home / "m.sqlite") as connection:
        found = connection.execute("SELECT id FROM Artifact WHERE uri LIKE ? ORDER BY id", (TRAIN,)).fetchall()
    connection.close()
    return [number for (number,) in found]


def test_a_run_goes_on_in_the_metadata_store_that_a_stack_left(left: Path) -> None:
    runs = Runs(left / "store", earlier=2)
    recorded = _models(runs.home)
    runs.run()
    assert runs.states() == ["reused", "reused"]
    runs.file("Train", WEIGHTS).write_bytes(b"as it was MADE")
    assert runs.states() == ["reused", "ran"]
    found = _models(runs.home)
    assert found[: len(recorded)] == recorded
    assert len(found) > len(recorded)


def test_a_model_answers_as_on_the_stack_that_trained_it(left: Path) -> None:
    loaded = tf.saved_model.load(str(left / "model"))
    records = tf.data.TFRecordDataset(str(left / "model" / FOLDER / FILE)).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record).predict_log for record in records]
    expected = [tf.make_ndarray(log.response.outputs["predictions"]) for log in logs]
    answers = [
        loaded.signatures["serving_default"](
            **{name: tf.constant(tf.make_ndarray(value)) for name, value in log.request.inputs.items()}
        )["predictions"].numpy()
        for log in logs
    ]
    np.testing.assert_allclose(np.concatenate(answers), np.concatenate(expected), atol=1e-6)
    assert np.ptp(np.concatenate(expected)) > 0.01
