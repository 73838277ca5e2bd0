"""Honest data is not refused: a few clean controls of every shape. All of them run by `make bench-faults`."""

from __future__ import annotations

import pytest

from benchmarks.faults.case import assign, assign_by
from benchmarks.faults.controls import FORMS, FOUR, controls
from benchmarks.faults.model_case import model_case
from benchmarks.faults.tables import SOURCES
from benchmarks.faults.verdicts import record_of

TAXI, CANCER, IRIS, DIGITS = (SOURCES[name] for name in ("taxi", "breast_cancer", "iris", "digits"))
ROWS = 4_500


def few_served():
    case = assign(TAXI, 7, rows=ROWS)
    return case.with_frame("serving", case.frames["serving"].iloc[:200])


def in_other_forms(*shapes: str):
    case = assign(TAXI, 7, rows=ROWS)
    for shape, change in FORMS:
        if shape in shapes:
            case = case.with_frame("serving", change(case.frames["serving"]))
    return case


CLEAN = {
    "a random split": lambda: assign(TAXI, 7, FOUR, rows=ROWS),
    "another seed": lambda: assign(TAXI, 8, FOUR, rows=ROWS),
    "half and half": lambda: assign(TAXI, 7, {"train": 0.5, "eval": 0.5}, rows=ROWS),
    "200 serving rows": few_served,
    "a float32 copy, sorted": lambda: in_other_forms("float32 copy", "sorted rows"),
    "a JSON round trip": lambda: in_other_forms("JSON round trip", "columns in another order"),
    "a split by company": lambda: assign_by(TAXI, "company", 7, rows=ROWS),
    "a split by pickup area": lambda: assign_by(TAXI, "pickup_community_area", 7, rows=ROWS),
    "honest features that tell all": lambda: assign(CANCER, 7, FOUR),
    "150 rows": lambda: assign(IRIS, 7, FOUR),
    "images": lambda: assign(DIGITS, 7, FOUR),
    "a sound model of images": lambda: model_case(DIGITS, 7, None),
    "a sound model of rows": lambda: model_case(TAXI, 7, ROWS),
}


@pytest.mark.parametrize("name", CLEAN)
def test_lets_clean_data_pass(name: str):
    record = record_of(CLEAN[name]().judge())
    assert not record.blocks, "\n".join(
        f"{each['check']} on {each['subject']}: {each['reason']}" for each in record.blocks
    )


def test_there_are_a_hundred_controls_of_their_own_names():
    names = [control.name for control in controls()]
    assert len(names) >= 100
    assert len(set(names)) == len(names)
