"""The page of both stacks: what agreed, or what did not, and what each cost."""

from __future__ import annotations

import dataclasses

from benchmarks.stacks.page import page
from tests.unit.benchmarks.stacks.test_differences import changed, run


def test_shows_cost_verdicts_splits_metrics_and_versions_side_by_side() -> None:
    faster = dataclasses.replace(changed(metrics__overall__auc=0.604), cpu_seconds=40.0, python="3.13.5")
    shown = page([run()], [faster], [])
    assert "Verdicts, splits and metrics are the same within the tolerance in every run." in shown
    assert "| processor time, s | 50.00 (50.00–50.00) | 40.00 (40.00–40.00) | 0.80 |" in shown
    assert "| data_gate | pass (1 info) | pass (1 info) |" in shown
    assert "| test | 10 | `cd` | 10 | `cd` |" in shown
    assert "| auc | 0.600000 (0.560–0.640) | 0.604000 | 4.0e-03 | 1.0e-02 |" in shown
    assert "auc of overall: 4.0e-01 of what is allowed." in shown
    assert "| Python | 3.10.13 | 3.13.5 |" in shown


def test_names_what_was_not_the_same() -> None:
    shown = page([run()], [run()], ["modern: The rows of test are others: cd and ce."])
    assert "**Not the same:**\n\n- modern: The rows of test are others: cd and ce." in shown
    assert "are the same within" not in shown


def test_says_when_other_work_had_the_machine() -> None:
    assert "Other work had the machine" not in page([run()], [run()], [])
    assert "Other work had the machine" in page([run()], [dataclasses.replace(run(), load_before=5000.0)], [])
