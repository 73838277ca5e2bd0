"""Intervals where entities were drawn, not rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gates.statistics.clusters import Drawn, summed
from gates.statistics.intervals import METRICS, change, interval

ENTITIES, ROWS = 75, 20
Drawing = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]


def drawn(rng: np.random.Generator, entities: int = ENTITIES) -> Drawing:
    """Labels, the scores of two models, and entities: of an entity the rate of its labels and the bias of its scores
    are its own."""
    groups = np.repeat(np.arange(entities), ROWS)
    rate, bias, other_bias = rng.normal(size=(3, entities))[:, groups]
    truth = rng.normal(size=len(groups)) + rate - 0.5
    labels = (rng.random(len(groups)) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    scores = [1 / (1 + np.exp(-(truth + each + rng.normal(0, 0.7, len(groups))))) for each in (bias, other_bias)]
    return labels, scores[0], scores[1], groups


LABELS, NEW, OLD, _ = drawn(np.random.default_rng(0), 20_000)
TRUE = {name: (metric(LABELS, NEW).value, metric(LABELS, OLD).value) for name, metric in METRICS.items()}


@pytest.mark.parametrize("metric", ["accuracy", "auc", "loss", "recall", "precision", "calibration"])
def test_intervals_cover_the_truth_where_entities_were_drawn(metric: str) -> None:
    """At a nominal 95 %, in 300 draws: within four standard errors of it for entities, and far below it for rows."""
    rng = np.random.default_rng(1)
    by_entity = by_row = of_change = 0
    for _ in range(300):
        labels, new, old, groups = drawn(rng)
        measured, before = METRICS[metric](labels, new), METRICS[metric](labels, old)
        true_new, true_old = TRUE[metric]
        found, naive = interval(measured, 0.95, groups), interval(measured, 0.95)
        differs = change(measured, before, 0.95, groups)
        by_entity += found.lower <= true_new <= found.upper
        by_row += naive.lower <= true_new <= naive.upper
        of_change += differs.lower <= true_new - true_old <= differs.upper
    assert 0.90 <= by_entity / 300 <= 0.99
    assert 0.90 <= of_change / 300 <= 0.995
    assert by_row / 300 < by_entity / 300


TABLES = {"five columns": (4, 3, 2, 3, 5), "three columns": (10, 10, 5), "two columns": (50, 20)}


def _drawn_contents(levels: tuple[int, ...], metric: str, rows: int) -> tuple[int, int, int]:
    """Of 200 splits by a hash of the row of one discrete table, with labels drawn anew: in how many the interval of
    contents, and that of rows, holds the true figure."""
    rng = np.random.default_rng(1)
    columns = [rng.choice(size, rows, p=rng.dirichlet(np.ones(size))) for size in levels]
    content = np.unique(np.ravel_multi_index(columns, levels), return_inverse=True)[1].reshape(-1)
    rate, bias = rng.normal(size=(2, content.max() + 1))
    chance, scores = (1 / (1 + np.exp(0.5 - each)) for each in (rate, rate + 0.7 * bias))
    drawings = [(rng.random(rows) < chance[content]).astype(np.int64) for _ in range(200)]
    measure, predicted = METRICS[metric], scores[content]
    true = np.mean([measure(labels, predicted).value for labels in drawings[:40]])
    by_content = by_row = splits = 0
    for labels in drawings:
        test = (rng.random(len(rate)) < 0.1)[content]
        if test.sum() >= 30 and len(np.unique(labels[test])) == 2:
            measured = measure(labels[test], predicted[test])
            found, naive = interval(measured, 0.95, content[test]), interval(measured, 0.95)
            splits += 1
            by_content += found.lower <= true <= found.upper
            by_row += naive.lower <= true <= naive.upper
    return by_content, by_row, splits


@pytest.mark.parametrize("metric", ["accuracy", "auc"])
@pytest.mark.parametrize("table", TABLES)
def test_intervals_cover_the_truth_where_contents_were_drawn(table: str, metric: str) -> None:
    """Contents differ in size by far more than entities do, so that a few decide."""
    by_content, by_row, splits = _drawn_contents(TABLES[table], metric, 2_000)
    assert splits >= 190
    assert 0.90 <= by_content / splits <= 0.995
    assert by_row / splits < 0.90


def test_entities_of_one_row_each_give_the_interval_of_rows() -> None:
    labels, new, _, _ = drawn(np.random.default_rng(2))
    single = np.arange(len(labels))
    for metric in METRICS.values():
        rows, entities = interval(metric(labels, new), 0.95), interval(metric(labels, new), 0.95, single)
        assert entities.upper - entities.lower == pytest.approx(rows.upper - rows.lower, rel=0.01)


def test_rows_that_are_all_right_prove_as_much_as_their_entities() -> None:
    """20 rows of 3 entities, without an error: three of a kind, not 60."""
    labels = np.tile([0, 1], 30)
    right = METRICS["accuracy"](labels, labels.astype(float))
    assert interval(right, 0.95, np.repeat([0, 1, 2], 20)).lower < 0.5
    assert interval(right, 0.95).lower > 0.9


def test_names_of_entities_decide_nothing() -> None:
    labels, new, old, groups = drawn(np.random.default_rng(3))
    names = np.array([f"taxi {code}" for code in groups])
    for metric in METRICS.values():
        measured, before = metric(labels, new), metric(labels, old)
        for known, renamed in (
            (interval(measured, 0.95, groups), interval(measured, 0.95, names)),
            (change(measured, before, 0.95, groups), change(measured, before, 0.95, names)),
        ):
            assert (renamed.lower, renamed.upper) == pytest.approx((known.lower, known.upper))


def test_rows_that_resemble_each_other_less_than_chance_are_not_worth_more() -> None:
    influence = np.tile([1.0, -1.0], 50)
    assert summed(influence, np.repeat(np.arange(50), 2)).tolist() == [0.0] * 50
    assert Drawn.of(influence, np.repeat(np.arange(50), 2)).effect == 1.0


def test_one_entity_shows_no_spread() -> None:
    labels, new, _, _ = drawn(np.random.default_rng(4))
    whole = interval(METRICS["loss"](labels, new), 0.95, np.zeros(len(labels)))
    assert np.isnan(whole.lower)
    assert interval(METRICS["accuracy"](labels, new), 0.95, np.zeros(len(labels))).lower < 0.3
