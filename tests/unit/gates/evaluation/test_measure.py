"""Slices and estimates, in and out of JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np

from gates.evaluation.measure import Scored, confusion, measure, slices_of
from gates.evaluation.metrics import Evaluation

LABELS = np.array([0, 1, 0, 1, 1, 0])
PREDICTIONS = np.array([0.1, 0.9, 0.6, 0.4, 0.8, 0.2])
COLUMNS = {
    "company": np.array(["A, Inc", "B", "A, Inc", "B", "B", "(missing)"], dtype=object),
    "hour": np.array(["9", "9", "10", "10", "9", "9"], dtype=object),
}


def test_every_row_is_in_exactly_one_slice_of_a_column() -> None:
    parts = list(slices_of(Scored(LABELS, PREDICTIONS, columns=COLUMNS), [["company"]]))
    assert [part.slice.name for part in parts] == ["overall", "company=(missing)", "company=A, Inc", "company=B"]
    assert sorted(np.concatenate([part.rows for part in parts[1:]]).tolist()) == [0, 1, 2, 3, 4, 5]


def test_combinations_are_named_in_alphabetical_order_and_hold_the_right_rows() -> None:
    parts = list(slices_of(Scored(LABELS, PREDICTIONS, columns=COLUMNS), [["hour", "company"]]))
    rows = {part.slice.name: part.rows.tolist() for part in parts[1:]}
    assert rows["company=B, hour=9"] == [1, 4]
    assert rows["company=A, Inc, hour=10"] == [2]
    assert "company=(missing), hour=10" not in rows


def test_confusion_counts_actual_by_predicted() -> None:
    assert confusion(Scored(LABELS, PREDICTIONS)).counts == ((2, 1), (1, 2))


def test_the_blessed_model_is_measured_on_the_same_rows() -> None:
    scored = Scored(LABELS, PREDICTIONS, blessed=1 - PREDICTIONS, columns=COLUMNS)
    overall = measure(scored, ["accuracy"], [], 0.95)[0]
    assert (overall.value, overall.blessed_value) == (4 / 6, 2 / 6)
    assert overall.change is not None
    assert math.isclose(overall.change, 2 / 6)


def test_an_evaluation_with_undefined_figures_survives_strict_json() -> None:
    estimates = measure(Scored(LABELS, PREDICTIONS, columns=COLUMNS), ["auc", "loss"], [["company"]], 0.95)
    evaluation = Evaluation(0.95, estimates, confusion(Scored(LABELS, PREDICTIONS)), notes=("a note",))
    text = json.dumps(evaluation.to_json(), allow_nan=False)
    again = Evaluation.from_json(json.loads(text))
    assert again.overall() == evaluation.overall()
    one_class = next(each for each in again.estimates if each.slice.name == "company=A, Inc" and each.metric == "auc")
    assert math.isnan(one_class.value)
    assert json.dumps(again.to_json(), allow_nan=False) == text


def test_rows_of_one_entity_widen_every_interval_and_leave_the_value() -> None:
    labels, predictions = np.tile(LABELS, 20), np.tile(PREDICTIONS, 20)
    rows = Scored(labels, predictions, blessed=np.tile(np.roll(PREDICTIONS, 1), 20))
    entities = replace(rows, groups=np.tile(np.arange(len(LABELS)), 20))
    for metric in ("auc", "accuracy", "loss"):
        (of_rows,), (of_entities,) = (measure(each, [metric], [], 0.95) for each in (rows, entities))
        assert of_entities.value == of_rows.value
        assert of_entities.upper - of_entities.lower > 1.5 * (of_rows.upper - of_rows.lower)
        assert of_rows.change_upper is not None and of_entities.change_upper is not None
        assert of_entities.change_upper > of_rows.change_upper


def test_a_slice_of_one_entity_is_judged_by_its_rows() -> None:
    """It was not drawn from other entities of that slice: the entity is what the slice is about."""
    columns = {"company": np.repeat(["a", "b"], 3 * len(LABELS))}
    labels, predictions = np.tile(LABELS, 6), np.tile(PREDICTIONS, 6)
    rows = Scored(labels, predictions, columns=columns)
    entities = replace(rows, groups=columns["company"])
    of_rows, of_entities = (measure(each, ["accuracy"], [["company"]], 0.95)[1:] for each in (rows, entities))
    assert of_rows == of_entities
