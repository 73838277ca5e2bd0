"""A champion that did not come from this pipeline is a baseline: its figures, unpaired, or its SavedModel, paired."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ExitCode, SluiceError
from gates.evaluation.metrics import Evaluation, MetricEstimate
from gates.evaluation.outside_baseline import (
    OutsideFigures,
    judge_outside_baseline,
    read_outside_figures,
    unpaired_change,
)
from gates.evaluation.slices import OVERALL
from gates.statistics.intervals import METRICS, interval
from gates.verdict.finding import Finding, Severity
from pipeline.config.evaluation import EvaluatorConfig


def _evaluation(**values: float) -> Evaluation:
    estimates = (MetricEstimate(name, OVERALL, 1500, v, v - 0.03, v + 0.02) for name, v in values.items())
    return Evaluation(0.95, tuple(estimates))


def _judge(
    own: dict[str, float], figures: dict[str, float], by: str = "interval", rows: int | None = 1500, **allowed: float
) -> list[Finding]:
    outside = OutsideFigures("automl.json", figures, allowed or dict.fromkeys(figures, 0.0), rows)
    return judge_outside_baseline(_evaluation(**own), outside, by)


def _file(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "automl.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.mark.parametrize(
    ("own", "by", "allowed", "severity"),
    [
        (0.80, "interval", 0.0, Severity.INFO),  # certainly better
        (0.72, "interval", 0.0, Severity.BLOCK),  # better, not certainly
        (0.72, "estimate", 0.0, Severity.INFO),
        (0.72, "interval", 0.05, Severity.INFO),  # certainly not much worse
        (0.65, "interval", 0.0, Severity.BLOCK),
        (0.65, "estimate", 0.0, Severity.BLOCK),
        (math.nan, "estimate", 1.0, Severity.BLOCK),
    ],
)
def test_refuses_what_may_fall_behind(own: float, by: str, allowed: float, severity: Severity) -> None:
    [finding] = _judge({"auc": own}, {"auc": 0.70}, by, auc=allowed)
    assert finding.severity is severity
    assert finding.reason.endswith(".")


def test_the_finding_says_that_it_is_unpaired_and_on_which_rows() -> None:
    [known] = _judge({"auc": 0.80}, {"auc": 0.70})
    assert "unpaired change +0.100" in known.reason
    assert "automl.json, on 1,500 rows of its own" in known.reason
    [unknown] = _judge({"auc": 0.80}, {"auc": 0.70}, rows=None)
    assert "nobody counted: taken as exact" in unknown.reason


def test_a_loss_is_better_when_it_is_lower_and_calibration_when_it_is_nearer_to_1() -> None:
    better, worse = _judge({"loss": 0.30, "calibration": 1.4}, {"loss": 0.45, "calibration": 1.1})
    assert (better.severity, worse.severity) == (Severity.INFO, Severity.BLOCK)


def test_a_loss_of_one_row_is_refused_and_no_nan_is_shown() -> None:
    one = Evaluation(0.95, (MetricEstimate("loss", OVERALL, 1, 0.2, math.nan, math.nan),))
    outside = OutsideFigures("automl.json", {"loss": 0.3}, {"loss": 0.0}, 1500)
    [finding] = judge_outside_baseline(one, outside, "interval")
    assert finding.severity is Severity.BLOCK
    assert "too few rows for an interval" in finding.reason
    assert "nan" not in finding.reason


def test_fewer_rows_behind_the_baseline_mean_less_certainty() -> None:
    own = _evaluation(auc=0.8).overall()["auc"]
    exact, many, few = (unpaired_change(own, 0.7, rows) for rows in (None, 100_000, 100))
    assert exact.lower == pytest.approx(own.lower - 0.7)
    assert exact.lower > many.lower > few.lower
    assert exact.upper < many.upper < few.upper


def test_two_equal_models_measured_apart_differ_as_seldom_as_the_interval_says() -> None:
    draw = np.random.default_rng(0)
    missed = 0
    for _ in range(400):
        shares = []
        for rows in (400, 900):
            labels = np.ones(rows)
            shares.append(interval(METRICS["accuracy"](labels, (draw.random(rows) < 0.8).astype(float)), 0.95))
        own = MetricEstimate("accuracy", OVERALL, 400, shares[0].value, shares[0].lower, shares[0].upper)
        change = unpaired_change(own, shares[1].value, 900)
        missed += not change.lower <= 0 <= change.upper
    assert 0.025 < missed / 400 < 0.08


def test_reads_what_an_automl_export_calls_them(tmp_path: Path) -> None:
    plain = {"metrics": {"auRoc": 0.71, "logLoss": 0.44, "confidenceMetrics": []}, "numExamples": 1500}
    found = read_outside_figures(_file(tmp_path, plain), ["auc", "accuracy", "loss"], {})
    assert found == OutsideFigures("automl.json", {"auc": 0.71, "loss": 0.44}, {"auc": 0.0, "loss": 0.0}, 1500)


def test_without_a_baseline_nothing_is_judged_and_a_baseline_survives_json(tmp_path: Path) -> None:
    assert OutsideFigures.from_json(None) is None
    assert judge_outside_baseline(_evaluation(auc=0.8), None, "interval") == []
    found = read_outside_figures(_file(tmp_path, {"auc": 0.7, "rows": 900}), ["auc"], {})
    assert OutsideFigures.from_json(json.loads(json.dumps(dataclasses.asdict(found)))) == found


def test_reads_numbers_that_googles_json_writes_as_text(tmp_path: Path) -> None:
    plain = {"metrics": {"auRoc": "0.71", "logLoss": "1.5e-1"}, "numExamples": "1000"}
    found = read_outside_figures(_file(tmp_path, plain), ["auc", "loss"], {})
    assert (found.figures, found.rows) == ({"auc": 0.71, "loss": 0.15}, 1000)


def test_the_ends_of_what_is_possible_are_figures_and_loss_and_calibration_may_be_above_1(tmp_path: Path) -> None:
    plain = {"auc": 1, "accuracy": 0, "loss": 2.5, "calibration": 1.4}
    assert dict(read_outside_figures(_file(tmp_path, plain), list(plain), {}).figures) == plain


def test_judges_the_named_metrics_alone(tmp_path: Path) -> None:
    found = read_outside_figures(_file(tmp_path, {"auc": 0.7, "loss": 0.4}), ["auc", "loss"], {"auc": 0.01})
    assert (dict(found.allowed), found.rows) == ({"auc": 0.01}, None)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON"),
        ([1], "is not an object of metrics"),
        ({"f_beta": 0.4}, r"has none of the metrics that are measured \(auc, loss\); it has f_beta"),
        ({"auc": True}, "it has no figure"),
        ({"auc": float("nan")}, "it has no figure"),
        ({"loss": 0.4}, "has no `auc`; it has loss"),
        ({"auc": 0.7, "rows": 0}, "was measured on 0 rows"),
        ({"auc": 0.7, "rows": "0"}, "was measured on 0 rows"),
        ({"auc": 0.7, "rows": "about a thousand"}, "gives its test rows as 'about a thousand', which is no number"),
        ({"auc": 88}, "says auc 88, and auc is at most 1: a share, not a percentage"),
        ({"auRoc": "1.2"}, "says auc 1.2, and auc is at most 1: a share, not a percentage"),
        ({"auc": 101}, "says auc 101, and auc is at most 1$"),
        ({"auc": -1}, "says auc -1, and auc is never below 0"),
        ({"logLoss": -0.5}, "says loss -0.5, and loss is never below 0"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_baseline_is_one_sentence(tmp_path: Path, content: Any, sentence: str) -> None:
    path = str(tmp_path / "none.json") if content is None else _file(tmp_path, content)
    needed = {"auc": 0.0} if content == {"loss": 0.4} else {}
    with pytest.raises(SluiceError) as caught:
        read_outside_figures(path, ["auc", "loss"], needed)
    assert re.search(sentence, caught.value.headline)
    assert caught.value.next_command
    assert caught.value.exit_code == ExitCode.UNUSABLE


@pytest.mark.parametrize(
    ("baseline", "sentence"),
    [
        ({}, "either a `metrics_file` or a `saved_model`"),
        ({"metrics_file": "a", "saved_model": "b"}, "either a `metrics_file` or a `saved_model`"),
        ({"saved_model": "b", "no_worse_by": {"auc": 0.1}}, "goes with `metrics_file`"),
        ({"saved_model": "b"}, "needs a threshold with `no_worse_than_blessed_by`"),
        ({"metrics_file": "a", "no_worse_by": {"recall": 0.1}}, "which is not in `evaluator.metrics`"),
    ],
)
def test_a_baseline_that_nothing_would_judge_is_refused(baseline: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        EvaluatorConfig.model_validate({"metrics": ["auc"], "baseline": baseline})
