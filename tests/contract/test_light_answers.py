"""The gates answer the same in every environment: the full stack, and the light installation on any Python.

The table has what libraries read differently: telephone numbers with +, leading zeros, dates, words for missing values,
a column without a value, one that nearly is the label, and copied rows. Its answer stands in light_answer.json, and
every environment in which this test runs must give it. The figures that gradient boosting gives depend on the release
of scikit-learn (1.5 and 1.9 bin features differently), and are compared by their severity alone.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import gates
from gates.verdict.finding import GateReport

ROWS = 560
TRAIN = 420
COPIED = 40
ANSWER = Path(__file__).with_name("light_answer.json")
BOOSTED = {"combination", "eval_labels_disagree", "label_noise", "shuffled_labels", "single_feature"}


def written(folder: Path, name: str, rows: list[list[str]]) -> str:
    path = folder / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def rows() -> tuple[list[str], list[list[str]]]:
    """A header, and rows of measured tumours with what is hard to read beside them."""
    found, draw = load_breast_cancer(), np.random.default_rng(15)
    columns = {
        "radius": [f"{value:.4g}" for value in found.data[:ROWS, 0]],
        "texture": [f"{value:.3e}" for value in found.data[:ROWS, 1]],
        "area": [f"{value:.1f}" if value > 300 else "NA" for value in found.data[:ROWS, 3]],
        "telephone": [f"+49{number}" for number in draw.integers(10**9, 10**10, ROWS)],
        "change": [f"{number:+d}" for number in draw.integers(-9, 9, ROWS)],
        "ward": [f"{number:05d}" for number in draw.integers(0, 40, ROWS)],
        "seen": [f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}" for day in draw.integers(0, 280, ROWS)],
        "town": draw.choice(["Köln", "Bâle", "東京", ""], ROWS).tolist(),
        "empty": [""] * ROWS,
        "receipt": [
            f"{value + noise:.3f}" for value, noise in zip(found.target[:ROWS], draw.normal(0, 0.05, ROWS), strict=True)
        ],
        "benign": found.target[:ROWS].tolist(),
    }
    return list(columns), [list(map(str, row)) for row in zip(*columns.values(), strict=True)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> GateReport:
    folder = tmp_path_factory.mktemp("tables")
    header, found = rows()
    train, held_out = found[:TRAIN], found[TRAIN:] + found[:COPIED]
    tables = [written(folder, name, [header, *each]) for name, each in (("train", train), ("eval", held_out))]
    return gates.check(*tables, label="benign")


def findings_of(report: GateReport) -> list[list[Any]]:
    """Each finding in short, in a fixed order; a figure to six digits, for the last ones depend on the processor."""
    return sorted(
        [each.check, each.subject, each.severity.value, None if each.check in BOOSTED else float(f"{each.value:.6g}")]
        for each in report.findings
    )


def test_every_environment_gives_the_same_answer(report: GateReport) -> None:
    found = {
        "verdict": report.verdict.value,
        "checks_run": list(report.checks_run),
        "checks_skipped": [each.check for each in report.checks_skipped],
        "notes": list(report.notes),
        "findings": findings_of(report),
    }
    assert found == json.loads(ANSWER.read_text(encoding="utf-8"))
