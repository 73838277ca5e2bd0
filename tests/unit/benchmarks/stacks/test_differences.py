"""Two runs differ where a verdict, a split or a metric does; cost and versions may differ."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from benchmarks.stacks.differences import differences, distances
from benchmarks.stacks.measured import PACKAGES, Measured


def run() -> Measured:
    def metrics(auc: float, half: float) -> dict[str, Any]:
        return {"n": 60, "auc": auc, "auc_lower": auc - half, "auc_upper": auc + half}

    one_row = {"slice": "company=B", "n": 1, "auc": None, "auc_lower": None, "auc_upper": None}
    finding = {"check": "exact_duplicates", "subject": "eval", "severity": "info"}
    record = {
        "outcome": "pushed",
        "pushed_version": "1",
        "rows": {"train": 100, "test": 10},
        "metrics": {"overall": metrics(0.6, 0.04), "slices": [{"slice": "company=A", **metrics(0.7, 0.2)}, one_row]},
        "gates": [
            {"gate": "data_gate", "verdict": "pass", "findings": [finding]},
            {"gate": "pusher", "verdict": "pass", "findings": [{**finding, "check": "push", "subject": "1"}]},
        ],
        "components": [{"name": "Trainer", "seconds": 4.0, "state": "ran"}],
    }
    versions = dict.fromkeys(PACKAGES, "1.0")
    return Measured("3.10.13", versions, 30.0, 50.0, 2**30, 17, 0.5, {"train": "ab", "test": "cd"}, record)


def changed(**values: Any) -> Measured:
    """The run with values put into its record, by the path to each: `metrics.overall.auc`."""
    record = copy.deepcopy(run().record)
    for path, value in values.items():
        place: Any = record
        *way, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        for step in way:
            place = place[step]
        place[last] = value
    return dataclasses.replace(run(), record=record)


def test_cost_versions_and_the_pushed_version_may_differ() -> None:
    other = changed(gates__1__findings__0__subject="2", pushed_version="2")
    assert differences(run(), dataclasses.replace(other, seconds=90.0, python="3.13.5")) == []


def test_a_metric_may_differ_by_a_quarter_of_half_its_interval() -> None:
    assert differences(run(), changed(metrics__overall__auc=0.609)) == []
    [sentence] = differences(run(), changed(metrics__overall__auc=0.611))
    assert sentence == "overall auc is 0.6000 and 0.6110, more than 0.0100 apart."
    assert differences(run(), changed(metrics__slices__0__auc=0.74)) == []
    assert "company=A auc" in differences(run(), changed(metrics__slices__0__auc=0.76))[0]


def test_a_metric_that_is_no_number_differs() -> None:
    [sentence] = differences(run(), changed(metrics__overall__auc=float("nan")))
    assert "overall auc is 0.6000 and nan" in sentence


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        ({"gates__0__verdict": "warn"}, ["data_gate: pass is missing.", "data_gate: warn is new."]),
        (
            {"gates__0__findings__0__severity": "warn"},
            ["data_gate: exact_duplicates, eval, info is missing.", "data_gate: exact_duplicates, eval, warn is new."],
        ),
        ({"gates__0__findings": []}, ["data_gate: exact_duplicates, eval, info is missing."]),
        ({"outcome": "refused"}, ["run: pushed is missing.", "run: refused is new."]),
        ({"metrics__slices": []}, ["company=A auc was measured in one of the two runs alone."]),
        (
            {"rows__test": 11},
            ["The numbers of rows are others: {'train': 100, 'test': 10} and {'train': 100, 'test': 11}."],
        ),
    ],
)
def test_a_verdict_a_slice_or_a_number_of_rows_that_differs_is_named(
    change: dict[str, Any], sentences: list[str]
) -> None:
    assert differences(run(), changed(**change)) == sentences


def test_other_rows_of_a_split_differ() -> None:
    other = dataclasses.replace(run(), splits={"train": "ab", "test": "ce"})
    assert differences(run(), other) == ["The rows of test are others: cd and ce."]


def test_the_farthest_metric_comes_first() -> None:
    first, second = distances(run(), changed(metrics__overall__auc=0.604, metrics__slices__0__auc=0.701))
    assert (first.where, second.where) == ("overall", "company=A")
    assert first.share == pytest.approx(0.4)


def test_a_run_goes_through_json_whole() -> None:
    assert Measured.of_json(run().as_json()) == run()
