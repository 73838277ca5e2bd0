"""Each fault of the catalogue once, on few rows: an expected check refuses it and no other kind of check does.

A new listed plant in benchmarks/faults/planted is a new test here. The whole suite, with doses, seeds, larger tables
and faults beyond the catalogue, is `make bench-faults`.
"""

from __future__ import annotations

import pytest

from benchmarks.faults.case import Case
from benchmarks.faults.model_case import ModelCase
from benchmarks.faults.plants import Plant, plants
from benchmarks.faults.tables import SOURCES, Unavailable
from benchmarks.faults.verdicts import FaultOutcome, outcome_of, record_of

# 2,000 train rows, 500 eval, 500 serving; the faults of few rows need more of them to be certain.
ROWS = 3_000
ALL_ROWS = {
    "labels_of_other_rows",
    "noisy_labels",
    "wrong_in_one_slice",
    "global_target_encoding",
    "exact_copies",
    "stale_category",
    "image_labels_wrong_in_eval",
    "image_labels_wrong_in_train",
    "image_copies",
    "image_copies_moved_by_a_pixel",
    "near_copies",
}
IN_EVERY_TABLE = {"global_target_encoding"}
LISTED = [plant for plant in plants() if plant.listed]
IMAGES = 2_000
# Here without a download of ours: taxi rows come with tfx, digits with scikit-learn, Fashion-MNIST with a package.
AT_HAND = ("taxi", "fashion", "digits")


def slim(case: Case | ModelCase, plant: Plant) -> Case | ModelCase:
    """Without the table that the fault is not in: half the comparisons, half the time."""
    if isinstance(case, ModelCase) or plant.name in IN_EVERY_TABLE:
        return case
    return case.without("eval") if plant.family == "skew" and "serving" in case.frames else case.without("serving")


@pytest.mark.parametrize("plant", LISTED, ids=[plant.name for plant in LISTED])
def test_refuses_planted_fault_for_the_right_reason(plant: Plant):
    record = record_of(slim(poisoned(plant), plant).judge())
    blocking = "\n".join(
        f"{each['kind']}/{each['check']} on {each['subject']}: {each['reason']}" for each in record.blocks
    )
    assert outcome_of(plant, record) is FaultOutcome.CAUGHT, blocking or "nothing blocks"


def poisoned(plant: Plant) -> Case | ModelCase:
    """On the first of its tables that is on this machine."""
    for table in [name for name in AT_HAND if name in plant.on]:
        source = SOURCES[table]
        rows = None if plant.name in ALL_ROWS else IMAGES if source.image else ROWS
        try:
            return plant.case(source, seed=7, rows=rows)
        except Unavailable:
            continue
    pytest.skip(f"{', '.join(plant.on)}: fetched by `make bench-faults`, which tries this fault")


def test_every_fault_of_the_catalogue_is_planted():
    assert {plant.family for plant in LISTED} == {"contamination", "leakage", "skew", "label", "model"}
    assert len(LISTED) >= 50
