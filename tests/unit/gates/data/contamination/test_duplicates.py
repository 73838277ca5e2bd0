"""Copies across a split, copies before a split, and labels that contradict each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from gates.data.assignment import RandomAssignment
from gates.data.contamination.duplicates import repeated_rows
from gates.verdict.finding import Severity, Verdict
from tests.samples.contamination import LABEL, Splits, assign, blocking, data_of, judged, rides

FEW = ["fare", "trip_start_hour", "trip_start_day", LABEL]


def copied(splits: Splits, share: float, seed: int = 0) -> Splits:
    """A share of eval replaced by rows of train."""
    train, held_out, *rest = splits
    count = round(share * len(held_out))
    return train, pd.concat([held_out.iloc[count:], train.sample(count, random_state=seed)]), *rest


@pytest.mark.parametrize("share", [0.1, 0.03, 0.003])
def test_refuses_eval_rows_copied_from_train(share):
    data = data_of(copied(assign(rides()), share))
    assert blocking(data) == {"exact_duplicates"}
    refused = [finding for finding in judged(data)[0] if finding.severity is Severity.BLOCK]
    assert {finding.subject for finding in refused} == {"eval"}
    assert refused[0].sample is not None


def test_finds_copies_that_were_given_a_new_row_number():
    train, held_out, test = copied(assign(rides()), 0.03)
    numbered = [
        part.assign(ride=np.arange(len(part)) + start)
        for part, start in ((train, 0), (held_out, 20_000), (test, 40_000))
    ]
    assert blocking(data_of(tuple(numbered))) == {"exact_duplicates"}


def test_finds_copies_whose_label_was_changed():
    train, held_out, test = copied(assign(rides()), 0.03)
    assert "exact_duplicates" in blocking(data_of((train, held_out.assign(**{LABEL: 1 - held_out[LABEL]}), test)))


def test_finds_copies_whose_fractions_went_through_float32():
    train, held_out, test = assign(rides())
    copies = train.sample(60, random_state=1)
    names = [name for name in copies.select_dtypes("float64") if copies[name].abs().max() < 1e5]
    copies = copies.astype(dict.fromkeys(names, "float32")).astype(dict.fromkeys(names, "float64"))
    assert (copies[names] != train.loc[copies.index, names]).any(axis=None)
    assert blocking(data_of((train, pd.concat([held_out.iloc[60:], copies]), test))) == {"exact_duplicates"}


def test_lets_three_twins_of_nature_pass_that_were_assigned_apart():
    """Three rows were there twice before an honest assignment of 70/10/10, and no pair fell within train."""
    train, held_out, test = assign(rides().iloc[:2_400])
    train = train.iloc[: len(train) * 7 // 8]
    twins = pd.concat([held_out.iloc[3:], train.iloc[[1, 20, 300]]])
    assert "exact_duplicates" not in blocking(data_of((train, twins, test)))


@pytest.mark.parametrize("seed", range(3))
def test_passes_random_splits_of_real_rides(seed):
    assert judged(data_of(assign(rides(), seed)))[1] is Verdict.PASS


@pytest.mark.parametrize("seed", range(4))
def test_passes_a_few_column_table_whose_rows_repeat_by_nature(seed):
    findings, verdict = judged(data_of(assign(rides()[FEW], seed)))
    assert verdict is Verdict.PASS, [finding.reason for finding in findings if finding.severity is not Severity.INFO]


def test_refuses_copies_beyond_the_natural_repetition():
    columns = ["fare", "trip_miles", "trip_seconds", "trip_start_hour", "trip_start_day", LABEL]
    assert "exact_duplicates" in blocking(data_of(copied(assign(rides()[columns]), 0.1)))


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_passes_small_tables(name):
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    assert all(not blocking(data_of(assign(frame, seed), label="target")) for seed in range(3))


def test_expects_as_many_hits_as_a_random_assignment_makes():
    rng = np.random.default_rng(0)
    content = rng.integers(0, 800, 2_000)
    assigns = []
    for _ in range(300):
        chosen = np.zeros(len(content), dtype=bool)
        chosen[rng.permutation(len(content))[:400]] = True
        train_rows, other_rows = (
            np.bincount(content[~chosen], minlength=800),
            np.bincount(content[chosen], minlength=800),
        )
        assigns.append(RandomAssignment(train_rows, other_rows, content[chosen]))
    hits = np.array([assigned.hits for assigned in assigns])
    assert assigns[0].expected == pytest.approx(hits.mean(), abs=4 * hits.std() / len(hits) ** 0.5)
    assert assigns[0].spread == pytest.approx(hits.std(), rel=0.2)
    assert np.mean([assigned.p_value <= 0.05 for assigned in assigns]) <= 0.05


def test_refuses_a_class_that_was_multiplied_before_the_split():
    frame = rides()
    oversampled = pd.concat([frame, *[frame[frame[LABEL] == 1]] * 2])
    assert blocking(data_of(assign(oversampled))) == {"repeated_rows"}


def test_refuses_few_rare_rows_that_were_multiplied_before_the_split():
    frame = rides()
    rare = frame[frame[LABEL] == 1].sample(40, random_state=0)
    fraud = pd.concat([frame[frame[LABEL] == 0], *[rare] * 80])
    assert blocking(data_of(assign(fraud))) == {"repeated_rows"}


def test_tells_of_a_class_that_was_multiplied_in_train_alone():
    train, held_out, test = assign(rides())
    data = data_of((pd.concat([train, *[train[train[LABEL] == 1]] * 2]), held_out, test))
    assert not blocking(data)
    (measured,) = repeated_rows(data, 0.02)
    assert "multiplied after the split" in measured.reason


@pytest.mark.parametrize("width", [1, 4, 10, 16])
def test_passes_binary_columns_that_repeat_by_chance(width):
    rng = np.random.default_rng(width)
    frame = pd.DataFrame(rng.integers(0, 2, (5_000, width + 1)), columns=[*"abcdefghijklmnop"[:width], LABEL])
    assert not blocking(data_of(assign(frame)))


def test_refuses_labels_of_eval_that_contradict_equal_rows():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 6, (12_000, 3)), columns=["a", "b", "c"])
    frame[LABEL] = ((frame["a"] + frame["b"] > 5) ^ (rng.random(len(frame)) < 0.05)).astype(int)
    train, held_out, test = assign(frame)
    assert not blocking(data_of((train, held_out, test)))
    wrong = held_out.assign(**{LABEL: rng.permutation(held_out[LABEL].to_numpy())})
    assert "conflicting_labels" in blocking(data_of((train, wrong, test)))
    noisy = held_out.assign(**{LABEL: held_out[LABEL] ^ (rng.random(len(held_out)) < 0.15)})
    assert "conflicting_labels" in blocking(data_of((train, noisy, test)))
