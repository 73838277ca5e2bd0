"""Recall and precision by class on a model card."""

from __future__ import annotations

from gates.evaluation.metrics import ConfusionMatrix, Evaluation
from registry.class_table import class_lines

MATRIX = ConfusionMatrix(("0", "1"), ((80, 20), (10, 40)))


def test_counts_of_rows_give_no_interval_where_entities_were_drawn() -> None:
    by_row, by_entity = (class_lines(Evaluation(0.95, (), MATRIX, entities=each))[1] for each in (None, 12))
    assert by_row.recall.value == by_entity.recall.value == 0.8
    assert by_row.recall.lower is not None and by_row.recall.lower < 0.8
    assert (by_entity.recall.lower, by_entity.precision.upper) == (None, None)
