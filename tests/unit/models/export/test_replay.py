"""The same rows through every path of a trained and exported taxi model."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import numpy as np
import psutil
import pytest
import tensorflow as tf

from models.export.fresh_process import answered, read_requests, single_requests, write_requests
from models.export.replay import (
    FRESH_PROCESS,
    PROBED_CELLS,
    PROBED_ROWS,
    Replayed,
    Requests,
    TrainingPath,
    fresh_process,
    importances,
    serialized,
    within_cells,
)
from tests.samples.taxi_training import trained
from tests.samples.taxi_transformed import prepared

ROWS = 400


def rows() -> np.ndarray:
    return np.array(prepared().serialized[:ROWS], dtype=object)


@functools.cache
def path() -> TrainingPath:
    return TrainingPath(prepared().graph, str(trained() / "run"))


@functools.cache
def replayed() -> Replayed:
    with fresh_process(str(trained() / "model")) as process:
        process.send(path(), rows())
        return process.replayed()


@functools.cache
def training() -> np.ndarray:
    return path().predict(rows())


def test_every_signature_says_in_a_fresh_process_what_training_says() -> None:
    for name in ("serving_default", "serving_examples", "serving_default/again", "serving_examples/again"):
        assert replayed().answers[name].shape == (ROWS, 1)
        np.testing.assert_allclose(replayed().answers[name], training(), atol=1e-6)
    assert np.ptp(training()) > 0.05


def test_weights_other_than_the_exported_ones_are_seen(tmp_path: Path) -> None:
    """An older checkpoint than the one that was exported: only the weights differ."""
    run = tmp_path / "run"
    shutil.copytree(trained() / "run", run)
    other = TrainingPath(prepared().graph, str(run))
    other.model.set_weights([weight + 0.05 for weight in other.model.get_weights()])
    assert np.abs(other.predict(rows()) - replayed().answers["serving_examples"]).max() > 1e-3


def test_the_features_are_those_that_the_model_reads_and_answers_by() -> None:
    features = path().features(rows())
    assert {name: len(values) for name, values in features.items()} == dict.fromkeys(features, ROWS)
    assert "big_tipper" not in features
    answers = path().model.predict_on_batch(features)
    assert np.abs(answers - training()).max() < 1e-5


def test_each_optional_field_is_probed_in_three_ways_through_both_signatures() -> None:
    probed = [name for name in replayed().answers if name.startswith("probe")]
    assert len(probed) == 2 * 3 * len(path().columns)
    assert not replayed().errors
    assert all(replayed().answers[name].shape == (PROBED_ROWS, 1) for name in probed)
    differing = [
        np.abs(replayed().answers[f"probe/fare/{case}"] - replayed().answers["serving_default"][:PROBED_ROWS]).max()
        for case in ("missing", "unknown", "extreme")
    ]
    assert min(differing) > 1e-4


def test_single_requests_are_timed() -> None:
    assert len(replayed().seconds) == 200
    assert (replayed().seconds > 0).all()


def test_an_export_that_cannot_be_loaded_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with fresh_process(str(tmp_path / "nothing")) as process:
        process.send(path(), rows()[:10])
        found = process.replayed()
    assert not found.answers and "SavedModel file does not exist" in found.unloadable


def test_the_process_ends_when_what_should_send_it_rows_fails() -> None:
    with pytest.raises(ZeroDivisionError), fresh_process(str(trained() / "model")):
        [running] = _fresh_processes()
        raise ZeroDivisionError
    assert not running.is_running()


def _fresh_processes() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if FRESH_PROCESS in each.cmdline()]


def test_columns_and_examples_are_the_same_request() -> None:
    columns = path().requests(rows())
    np.testing.assert_array_equal(path().predict_columns(columns), path().predict(rows()))
    again = path().requests(serialized(columns, path().columns))
    for name, column in columns.items():
        np.testing.assert_array_equal(again[name], column)


def test_importance_is_what_the_score_loses_without_the_columns_order() -> None:
    def answers_by_fare(predictions: np.ndarray) -> float:
        return -float(np.abs(predictions - before).mean())

    before = path().predict(rows())
    found = importances(path(), rows(), answers_by_fare)
    assert set(found) == set(path().columns)
    # A column that is empty throughout cannot matter; the fare must.
    assert found["pickup_census_tract"] == 0
    assert found["fare"] > 0


def test_byte_strings_travel_whole(tmp_path: Path) -> None:
    sent = {
        "a/examples": np.array([b"x\0", b"", b"\0\0y"], dtype=object),
        "a/fare": np.array([1.5, np.nan], np.float32),
        "a/examples.1": np.array([1, 2], np.int64),  # as pandas names a column that is there twice
    }
    write_requests(str(tmp_path / "sent.npz"), sent)
    found = read_requests(str(tmp_path / "sent.npz"))
    assert found["a/examples"].tolist() == sent["a/examples"].tolist()
    assert set(found) == set(sent)
    for name in ("a/fare", "a/examples.1"):
        np.testing.assert_array_equal(found[name], sent[name])


def test_a_signature_that_is_missing_is_an_answer_and_no_crash() -> None:
    rows_sent = rows()[:4]
    calls = [
        {"name": name, "signature": name, "inputs": {"examples": "sent"}} for name in ("serving_examples", "nowhere")
    ]
    model, arrays = tf.saved_model.load(str(trained() / "model")), {"sent": rows_sent}
    found = answered(model, calls, arrays)
    assert found["serving_examples"].shape == (4, 1)
    assert "nowhere" in str(found["error:nowhere"])
    timed = {**calls[1], "requests": 3, "warm_up": 1}
    seconds, answers = single_requests(model, timed, arrays)
    assert len(seconds) == 0 and "nowhere" in str(answers["error:nowhere"])


def test_a_column_that_many_probes_share_is_stored_once() -> None:
    requests = Requests({"a": "a", "b": "b"})
    columns = {"a": np.arange(4.0), "b": np.zeros(4)}
    for case in range(10):
        requests.add_raw(f"probe/{case}", {**columns, "a": np.full(4, float(case))})
    assert len(requests.arrays) == 11
    sent = [requests.arrays[call["inputs"]["a"]] for call in requests.calls]
    assert [each[0] for each in sent] == list(range(10))
    assert all(requests.arrays[call["inputs"]["b"]] is columns["b"] for call in requests.calls)


@pytest.mark.parametrize(
    ("columns", "fields", "rows"), [(20, 20, 32), (200, 200, 32), (1_000, 1_000, 1), (2_000, 666, 1)]
)
def test_probes_of_a_wide_model_stay_within_the_values_that_may_be_sent(columns: int, fields: int, rows: int) -> None:
    specs = {f"c{i}": tf.io.VarLenFeature(tf.float32) for i in range(columns)}
    probed, found = within_cells(specs)
    assert (len(probed), found) == (fields, rows)
    assert 3 * len(probed) * found * columns <= PROBED_CELLS
    assert list(within_cells(specs)[0]) == list(probed)
