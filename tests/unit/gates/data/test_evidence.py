"""Eval and test are compared with each other as each is with train."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gates.data.contamination.images import near_duplicate_images
from gates.verdict.finding import Severity
from tests.samples.contamination import LABEL, assign, blocking, data_of, judged, rides
from tests.samples.fashion_mnist import blocked_by, image_data, moved, needs_fashion_mnist, shuffled_split


def subjects(data) -> dict[str, set[str]]:
    """The blocking checks, each with its subjects."""
    found: dict[str, set[str]] = {}
    for finding in judged(data)[0]:
        if finding.severity is Severity.BLOCK:
            found.setdefault(finding.check, set()).add(finding.subject)
    return found


@pytest.mark.parametrize("share", [1.0, 0.1, 0.01])
def test_refuses_eval_rows_copied_from_test(share: float) -> None:
    train, held_out, test = assign(rides())
    count = min(round(share * len(held_out)), len(test))
    copied = pd.concat([held_out.iloc[count:], test.sample(count, random_state=0)])
    assert subjects(data_of((train, copied, test))) == {"exact_duplicates": {"test and eval"}}


def test_refuses_eval_rows_copied_from_test_and_changed_a_little() -> None:
    train, held_out, test = assign(rides())
    copies = test.sample(200, random_state=0)
    copies = copies.assign(fare=copies["fare"] + 0.25, trip_seconds=copies["trip_seconds"] + 60)
    found = subjects(data_of((train, pd.concat([held_out.iloc[200:], copies]), test)))
    assert found == {"near_duplicate_rows": {"test and eval"}}


def test_refuses_an_entity_on_both_held_out_sides() -> None:
    frame = rides().assign(taxi=lambda each: np.arange(len(each)) // 20)
    train, rest = frame[frame["taxi"] % 5 != 0], frame[frame["taxi"] % 5 == 0]
    draw = np.random.default_rng(0).random(len(rest)) < 0.5
    data = data_of((train, rest[draw], rest[~draw]), entity="taxi", split_by="entity")
    assert subjects(data)["entity_overlap"] == {"test and eval"}


def test_refuses_labels_of_eval_that_contradict_equal_rows_of_test() -> None:
    """In a table of few columns, in which honest rows are equal as well."""
    train, held_out, test = assign(rides()[["trip_start_hour", "trip_start_day", "trip_start_month", LABEL]])
    other_months = train[train["trip_start_month"] > 6]
    late, early = (part[part["trip_start_month"] <= 6] for part in (held_out, test))
    sure = late["trip_start_hour"] % 2
    late = late.assign(**{LABEL: sure})
    early = early.assign(**{LABEL: 1 - early["trip_start_hour"] % 2})
    found = subjects(data_of((other_months, late, early)))
    assert found["conflicting_labels"] == {"test and eval"}


@pytest.mark.parametrize("seed", range(4))
def test_honest_splits_pass(seed: int) -> None:
    assert not blocking(data_of(assign(rides(), seed)))


def test_a_label_of_classes_in_train_and_of_few_rows_in_eval_is_compared_or_left_out() -> None:
    """Whole numbers of which a small eval has hardly three rows each: a quantity there, classes in train."""
    frame = rides().assign(**{LABEL: np.arange(len(rides())) % 18})
    train, held_out, test = assign(frame)
    assert not blocking(data_of((train, held_out.iloc[:40], test)))


@needs_fashion_mnist
def test_refuses_images_of_eval_that_are_those_of_test_moved_by_a_pixel() -> None:
    train, held_out, test = shuffled_split(1, 3000, 600, 600)
    pixels, classes = held_out[0].copy(), held_out[1].copy()
    pixels[:60], classes[:60] = moved(test[0][:60], 0, 1), test[1][:60]
    blocked = blocked_by(image_data(train, eval=(pixels, classes), test=test), near_duplicate_images)
    assert [each.subject for each in blocked["near_duplicate_images"]] == ["image in test and eval"]
