"""A column without a value does not end a check that fits a model, whatever scikit-learn thinks of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import gates
from gates.data.boosted import Matrix, fit, scores_of
from gates.evaluation.reference_models import boosted_trees

RNG = np.random.default_rng(3)
SIGNAL = RNG.normal(size=400)
LABEL = (SIGNAL + RNG.normal(size=400) > 0).astype(np.int64)


@pytest.mark.parametrize("is_category", [False, True])
def test_a_feature_without_a_value_changes_no_score(is_category: bool) -> None:
    values = np.column_stack([SIGNAL, np.full(400, np.nan)])
    alone = Matrix(values[:, :1], np.array([False]), ("signal",))
    both = Matrix(values, np.array([False, is_category]), ("signal", "empty"))
    assert np.array_equal(scores_of(fit(both, LABEL), both), scores_of(fit(alone, LABEL), alone))


def test_the_reference_model_is_fitted_beside_a_feature_without_a_value() -> None:
    columns = {"signal": SIGNAL, "empty": np.full(400, np.nan), "none": np.array([None] * 400, dtype=object)}
    scores = boosted_trees(columns, LABEL, columns, 2)
    assert np.array_equal(scores, boosted_trees({"signal": SIGNAL}, LABEL, {"signal": SIGNAL}, 2))


def test_a_table_with_an_empty_column_is_judged() -> None:
    table = pa.table({"signal": SIGNAL, "empty": pa.nulls(400, pa.float32()), "label": LABEL})
    report = gates.check(table.slice(0, 300), table.slice(300), label="label")
    assert "shuffled_labels" in report.checks_run
