"""Train must have rows of every class that is to be learnt."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from gates.data.declared import Declared
from gates.verdict.catalogue import NotApplicable, check_named
from gates.verdict.finding import Finding, Severity
from gates.verdict.rule import decide
from gates.verdict.settings import GateSettings
from tests.samples.skew import data_of

CHECK = "classes_in_train"


def rows_of(*counts: int, names: tuple[object, ...] = (0, 1, 2)) -> pd.DataFrame:
    """So many rows of each class."""
    label = [name for name, count in zip(names, counts, strict=False) for _ in range(count)]
    return pd.DataFrame({"x": np.arange(len(label)) % 7, "y": label})


def found(train: pd.DataFrame, strict: bool = False, declared: Declared | None = None, **others) -> list[Finding]:
    data, check = data_of(train, declared or Declared(label="y"), **others), check_named(CHECK)
    measured = check.measure(data, check.margin)
    findings, _ = decide(measured, {CHECK: check.tier}, GateSettings(strict=strict), date(2026, 11, 21))
    return findings


def severities(*args, **more) -> list[Severity]:
    return [each.severity for each in found(*args, **more)]


def test_refuses_train_without_the_class_that_eval_and_test_have() -> None:
    (finding,) = found(rows_of(954), eval=rows_of(300, 1), test=rows_of(310, 3))
    assert finding.severity is Severity.BLOCK
    assert "`1` (1 row in eval and 3 rows in test)" in finding.reason


@pytest.mark.parametrize("train", [rows_of(100), pd.DataFrame({"x": range(50), "y": [3.5] * 50})])
def test_refuses_a_label_with_one_value_everywhere(train: pd.DataFrame) -> None:
    assert severities(train) == [Severity.BLOCK]


def test_names_a_declared_class_that_train_lacks_as_it_is_called() -> None:
    declared = Declared(label="y", class_names=("ham", "eggs", "spam"))
    (finding,) = found(rows_of(90, 90), declared=declared, eval=rows_of(30, 30, 1))
    assert finding.severity is Severity.BLOCK and "`spam` (1 row in eval)" in finding.reason
    words = ("ham", "eggs", "spam")
    (finding,) = found(rows_of(90, 90, names=words), declared=declared, eval=rows_of(30, 30, 2, names=words))
    assert finding.severity is Severity.BLOCK and "`spam` (2 rows in eval)" in finding.reason


def test_warns_of_a_declared_class_that_no_table_has() -> None:
    declared = Declared(label="y", classes=3, label_kind="classes")
    assert severities(rows_of(90, 90), declared=declared, eval=rows_of(30, 30)) == [Severity.WARN]


def test_warns_of_a_class_too_rare_to_look_for_leaks_and_of_a_table_of_one_class() -> None:
    first, second = found(rows_of(950, 3), eval=rows_of(300), test=rows_of(310, 3))
    assert (first.subject, second.subject) == ("train", "eval")
    assert first.severity is second.severity is Severity.WARN
    assert "`1` (3 rows)" in first.reason and "All 300 rows of eval are of class `0`" in second.reason


@pytest.mark.parametrize("strict", [False, True])
def test_passes_rare_classes_and_quantities(strict: bool) -> None:
    assert severities(rows_of(500, 300, 2), strict, eval=rows_of(100, 50)) == [Severity.INFO]
    assert severities(rows_of(500, 300), strict, eval=rows_of(100, 50, 2)) == [Severity.INFO]
    quantity = pd.DataFrame({"x": range(200), "y": np.random.default_rng(0).normal(size=200)})
    assert severities(quantity, strict, eval=quantity[:50]) == [Severity.INFO]
    truth = rows_of(50, 50, names=(False, True))
    both = Declared(label="y", classes=2, label_kind="classes")
    assert severities(truth, strict, declared=both, eval=truth[30:70]) == [Severity.INFO]


def test_does_not_judge_a_label_of_lists() -> None:
    with pytest.raises(NotApplicable):
        found(pd.DataFrame({"x": range(60), "y": [[1, 2], [3, 4]] * 30}))
