"""The rule of the thresholds: in doubt refuse overall, in doubt do not refuse on a slice."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from gates.evaluation.judgements import Decision, LimitKind
from gates.evaluation.limits import Limit
from gates.evaluation.measure import Scored, measure
from gates.evaluation.metrics import Evaluation, MetricEstimate
from gates.evaluation.slices import Slice
from gates.evaluation.thresholds import judge_thresholds
from gates.verdict.finding import Severity, verdict_of
from gates.verdict.rule import holm


def _estimate(
    metric: str = "auc",
    where: str = "overall",
    n: int = 1500,
    value: float = 0.6,
    arm: float = 0.03,
    **change: float,
) -> MetricEstimate:
    return MetricEstimate(metric, Slice.parse(where), n, value, value - arm, value + arm, **change)


def _evaluation(*estimates: MetricEstimate) -> Evaluation:
    return Evaluation(0.95, estimates)


def test_refuses_a_value_below_the_limit_and_names_metric_value_limit_and_rows() -> None:
    findings = judge_thresholds(_evaluation(_estimate(value=0.5)), [Limit("auc", at_least=0.55)]).findings
    assert [finding.severity for finding in findings] == [Severity.BLOCK]
    for part in ("auc", "0.500", "0.470", "0.530", "0.550", "1,500"):
        assert part in findings[0].reason


def test_refuses_overall_when_in_doubt_and_says_how_many_rows_would_decide() -> None:
    doubtful = _evaluation(_estimate(value=0.56))
    findings = judge_thresholds(doubtful, [Limit("auc", at_least=0.55)]).findings
    assert findings[0].severity is Severity.BLOCK
    assert "13,500" in findings[0].remedy  # the arm of 0.03 has to shrink to 0.01: nine times the rows
    judged_by_estimate = judge_thresholds(doubtful, [Limit("auc", at_least=0.55)], judged_by="estimate")
    assert judged_by_estimate.findings[0].severity is Severity.INFO


def test_a_loss_must_surely_stay_below_its_limit() -> None:
    evaluation = _evaluation(_estimate("loss", value=0.48))
    assert judge_thresholds(evaluation, [Limit("loss", at_most=0.52)]).findings[0].severity is Severity.INFO
    assert judge_thresholds(evaluation, [Limit("loss", at_most=0.50)]).findings[0].severity is Severity.BLOCK


def test_refuses_a_model_that_falls_behind_the_blessed_one() -> None:
    behind = {"blessed_value": 0.66, "change": -0.06, "change_lower": -0.08, "change_upper": -0.04}
    evaluation = _evaluation(_estimate(**behind))
    findings = judge_thresholds(evaluation, [Limit("auc", no_worse_than_blessed_by=0.05)]).findings
    assert findings[0].severity is Severity.BLOCK
    assert "0.660" in findings[0].reason
    allowed = judge_thresholds(evaluation, [Limit("auc", no_worse_than_blessed_by=0.09)]).findings
    assert allowed[0].severity is Severity.INFO


def test_a_falling_loss_is_no_regression_and_a_rising_one_is() -> None:
    limit = [Limit("loss", no_worse_than_blessed_by=0.02)]
    better = {"blessed_value": 0.7, "change": -0.1, "change_lower": -0.12, "change_upper": -0.08}
    worse = {"blessed_value": 0.5, "change": 0.1, "change_lower": 0.08, "change_upper": 0.12}
    assert judge_thresholds(_evaluation(_estimate("loss", **better)), limit).findings[0].severity is Severity.INFO
    assert judge_thresholds(_evaluation(_estimate("loss", **worse)), limit).findings[0].severity is Severity.BLOCK


def test_without_a_blessed_model_the_change_is_skipped_and_the_value_still_judged() -> None:
    limit = Limit("auc", at_least=0.55, no_worse_than_blessed_by=0.05)
    decided = judge_thresholds(_evaluation(_estimate()), [limit])
    findings, skipped = decided.findings, decided.skipped
    assert [finding.check for finding in findings] == ["threshold_value"]
    assert "no model has been blessed" in skipped[0].why


def test_refuses_when_the_metric_cannot_be_computed_overall() -> None:
    undefined = _estimate(value=math.nan, arm=math.nan)
    findings = judge_thresholds(_evaluation(undefined), [Limit("auc", at_least=0.5)]).findings
    assert verdict_of(findings).value == "fail"
    assert "could not be computed" in findings[0].reason


@pytest.mark.parametrize(("n", "value"), [(199, 0.2), (400, math.nan)])
def test_small_slices_and_slices_of_one_class_are_reported_not_judged(n: int, value: float) -> None:
    evaluation = _evaluation(_estimate(where="company=A", n=n, value=value, arm=0.01))
    findings = judge_thresholds(evaluation, [Limit("auc", {"company": "*"}, at_least=0.5)]).findings
    assert [finding.severity for finding in findings] == [Severity.INFO]
    assert "reported, not judged" in findings[0].reason


def test_a_slice_that_is_certainly_bad_blocks_and_is_named() -> None:
    good = [_estimate(where=f"company={i}", value=0.7) for i in range(40)]
    bad = _estimate(where="company=Flash Cab", n=300, value=0.4, arm=0.04)
    findings = judge_thresholds(_evaluation(*good, bad), [Limit("auc", {"company": "*"}, at_least=0.5)]).findings
    assert [(finding.severity, finding.subject) for finding in findings] == [(Severity.BLOCK, "company=Flash Cab")]


def test_the_same_slice_is_in_doubt_when_only_one_interval_of_many_just_misses() -> None:
    good = [_estimate(where=f"company={i}", value=0.7) for i in range(40)]
    unlucky = _estimate(where="company=B", n=300, value=0.455, arm=0.04)  # its own interval ends below 0.5
    findings = judge_thresholds(_evaluation(*good, unlucky), [Limit("auc", {"company": "*"}, at_least=0.5)]).findings
    assert [finding.severity for finding in findings] == [Severity.WARN]
    alone = judge_thresholds(_evaluation(unlucky), [Limit("auc", {"company": "B"}, at_least=0.5)]).findings
    assert [finding.severity for finding in alone] == [Severity.BLOCK]


def test_many_slices_of_a_model_exactly_at_the_limit_are_seldom_refused() -> None:
    rng = np.random.default_rng(4)
    refused = 0
    for _ in range(100):
        rows = 40 * 250
        labels = rng.integers(0, 2, rows)
        right = rng.random(rows) < 0.7
        predictions = np.where(right == (labels == 1), 0.9, 0.1)
        columns = {"company": np.repeat(np.arange(40).astype(str), 250).astype(object)}
        estimates = measure(Scored(labels, predictions, columns=columns), ["accuracy"], [["company"]], 0.95)
        limits = [Limit("accuracy", {"company": "*"}, at_least=0.7)]
        findings = judge_thresholds(Evaluation(0.95, estimates), limits).findings
        refused += any(finding.severity is Severity.BLOCK for finding in findings)
    assert refused <= 8


@pytest.mark.parametrize(
    ("where", "nearest"),
    [
        ({"company": "Flash Cap"}, "company=Flash Cab"),
        ({"company": "FLASH CAB"}, "company=Flash Cab"),
        ({"company": "Yellow Taxi"}, None),
        ({"company": "Flash Cap", "hour": 9}, "company=Flash Cab, hour=9"),
        ({"company": "*", "hour": 19}, "company=Flash Cab, hour=9"),
        ({"area": "*"}, None),
    ],
)
def test_a_threshold_on_a_slice_without_rows_refuses_and_names_the_nearest(
    where: dict[str, str | int], nearest: str | None
) -> None:
    slices = [
        _estimate(where=name) for name in ("company=Flash Cab", "company=Flash Cab, hour=9", "company=Sun, hour=7")
    ]
    findings = judge_thresholds(_evaluation(_estimate(), *slices), [Limit("auc", where, at_least=0.5)]).findings
    assert [finding.severity for finding in findings] == [Severity.BLOCK]
    assert "no test row belongs to it" in findings[0].reason
    assert f"did you mean `{nearest}`" in findings[0].reason if nearest else "did you mean" not in findings[0].reason


def test_a_star_in_one_column_leaves_the_other_fixed() -> None:
    slices = [_estimate(where=f"company={c}, hour={h}", value=0.2, arm=0.01) for c in "AB" for h in (9, 10)]
    limit = Limit("auc", {"hour": 9, "company": "*"}, at_least=0.5)
    findings = judge_thresholds(_evaluation(*slices), [limit]).findings
    assert sorted(finding.subject for finding in findings) == ["company=A, hour=9", "company=B, hour=9"]


def test_holm_adjusts_step_by_step() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_a_slice_whose_change_cannot_be_computed_is_reported_and_its_value_still_judged() -> None:
    unpaired = {"blessed_value": math.nan, "change": math.nan, "change_lower": math.nan, "change_upper": math.nan}
    bad = _estimate("precision", where="company=A", value=0.2, arm=0.01, **unpaired)
    limit = Limit("precision", {"company": "*"}, at_least=0.5, no_worse_than_blessed_by=0.05)
    for judged_by in ("interval", "estimate"):
        findings = judge_thresholds(_evaluation(bad), [limit], judged_by).findings
        assert [finding.severity for finding in findings] == [Severity.INFO, Severity.BLOCK]
        assert "last blessed model" in findings[0].reason


def test_a_star_matches_no_slice_over_more_columns() -> None:
    names = ("company=A, hour=1", "company=Taxicab Insurance Agency, LLC", "company=B")
    slices = [_estimate(where=name, value=0.2, arm=0.01) for name in names]
    findings = judge_thresholds(_evaluation(*slices), [Limit("auc", {"company": "*"}, at_least=0.5)]).findings
    assert [finding.subject for finding in findings] == list(names[1:])


def _one_row(where: str = "overall", **change: float) -> MetricEstimate:
    return MetricEstimate("loss", Slice.parse(where), 1, 0.223, math.nan, math.nan, **change)


def test_a_loss_without_an_interval_is_refused_and_no_nan_is_shown() -> None:
    [finding] = judge_thresholds(_evaluation(_one_row()), [Limit("loss", at_most=0.25)]).findings
    assert finding.severity is Severity.BLOCK
    assert "is 0.223 (too few rows for an interval); required is at most 0.250" in finding.reason
    assert "nan" not in finding.reason + finding.remedy
    by_estimate = judge_thresholds(_evaluation(_one_row()), [Limit("loss", at_most=0.25)], "estimate").findings
    assert by_estimate[0].severity is Severity.INFO


def test_a_change_without_an_interval_is_refused_also_after_json() -> None:
    change = {"blessed_value": 0.21, "change": 0.013, "change_lower": math.nan, "change_upper": math.nan}
    evaluation = _evaluation(_one_row(**change))
    for read in (evaluation, Evaluation.from_json(evaluation.to_json())):
        [finding] = judge_thresholds(read, [Limit("loss", no_worse_than_blessed_by=0.1)]).findings
        assert finding.severity is Severity.BLOCK
        assert "change +0.013, too few rows for an interval" in finding.reason
        assert "nan" not in finding.reason + finding.remedy


@pytest.mark.parametrize(("at_most", "severity"), [(0.2, Severity.WARN), (0.25, Severity.INFO)])
def test_a_slice_without_an_interval_blocks_nothing_and_hides_no_other(at_most: float, severity: Severity) -> None:
    other = _estimate("loss", "hour=2", value=0.9)
    limit = Limit("loss", slice={"hour": "*"}, at_most=at_most, min_examples=1)
    findings = judge_thresholds(_evaluation(_one_row("hour=1"), other), [limit]).findings
    assert {finding.subject: finding.severity for finding in findings} == {"hour=1": severity, "hour=2": Severity.BLOCK}
    assert not any("nan" in finding.reason + finding.remedy for finding in findings)


def test_what_each_limit_decided_is_stored_with_the_evaluation_and_read_back() -> None:
    behind = {"blessed_value": 0.66, "change": -0.06, "change_lower": -0.08, "change_upper": -0.04}
    evaluation = _evaluation(
        _estimate(value=0.6, **behind),
        _estimate(where="company=A", value=0.2),
        _estimate(where="company=B", n=30),
        _estimate(where="company=C", value=0.49),
        _estimate(where="company=D", value=0.7),
    )
    limits = [
        Limit("auc", at_least=0.55, no_worse_than_blessed_by=0.05),
        Limit("auc", {"company": "*"}, at_least=0.5),
    ]
    stored = replace(evaluation, judgements=judge_thresholds(evaluation, limits).judgements)
    read = Evaluation.from_json(json.loads(json.dumps(stored.to_json(), allow_nan=False)))
    assert read == stored
    decided = [(each.slice.name, each.kind, each.limit, each.decision) for each in read.judgements]
    assert decided == [
        ("overall", LimitKind.AT_LEAST, 0.55, Decision.MET),
        ("overall", LimitKind.NO_WORSE, 0.05, Decision.MISSED),
        ("company=A", LimitKind.AT_LEAST, 0.5, Decision.MISSED),
        ("company=B", LimitKind.AT_LEAST, 0.5, Decision.UNJUDGED),
        ("company=C", LimitKind.AT_LEAST, 0.5, Decision.DOUBTFUL),
        ("company=D", LimitKind.AT_LEAST, 0.5, Decision.MET),
    ]
    change = read.judgements[1]
    assert (change.value, change.lower, change.upper, change.n) == (-0.06, -0.08, -0.04, 1500)
    assert "fewer than 200 test rows" in read.judgements[3].reason
    assert all(each.reason for each in read.judgements)


def test_a_judgement_gives_the_reason_of_its_finding() -> None:
    evaluation = _evaluation(_estimate(value=0.5), _estimate(where="company=A", value=0.2))
    limits = [Limit("auc", at_least=0.55), Limit("auc", {"company": "*"}, at_least=0.5)]
    decided = judge_thresholds(evaluation, limits)
    assert [each.reason for each in decided.judgements] == [finding.reason for finding in decided.findings]


def test_without_a_blessed_model_a_limit_on_the_change_decides_nothing() -> None:
    evaluation = _evaluation(_estimate(), _estimate(where="company=A"))
    for limit in (Limit("auc", no_worse_than_blessed_by=0.1), Limit("auc", {"company": "*"}, at_least=0.1)):
        requested = replace(limit, no_worse_than_blessed_by=0.1)
        judgements = judge_thresholds(evaluation, [requested]).judgements
        change = [each for each in judgements if each.kind is LimitKind.NO_WORSE]
        assert [each.decision for each in change] == [Decision.UNJUDGED]
        assert "no model has been blessed before" in change[0].reason


def test_reads_an_evaluation_of_the_version_before_which_stored_no_judgements() -> None:
    plain = _evaluation(_estimate(), _estimate(where="company=A")).to_json()
    del plain["judgements"]
    read = Evaluation.from_json(plain)
    assert read.judgements == () and read.judgements_on(read.estimates[0]) == ()
    assert [each.slice.name for each in read.estimates] == ["overall", "company=A"]


@pytest.mark.parametrize("metric", ["auc", "loss", "calibration"])
def test_a_change_that_cannot_be_judged_makes_no_slice_less_certain(metric: str) -> None:
    slices = [_estimate(metric, f"company={name}", value=value) for name, value in (("A", 0.45), ("B", 0.46))]
    limit = Limit(metric, {"company": "*"}, at_least=0.5)
    both = replace(limit, no_worse_than_blessed_by=0.1)
    one, other = (judge_thresholds(_evaluation(*slices), [each]) for each in (both, limit))
    assert one.findings == other.findings


def test_a_limit_that_rows_would_meet_is_in_doubt_where_few_entities_were_drawn() -> None:
    """30 entities of 50 rows each, right about all rows of an entity or about none: 30 answers, not 1,500."""
    entities = np.repeat(np.arange(30), 50)
    labels = np.tile([0, 1], 750)
    predictions = np.where(entities % 10 == 0, 1.0 - labels, labels).astype(float)
    limits = [Limit("accuracy", at_least=0.85)]
    for groups, severity in ((None, Severity.INFO), (entities, Severity.BLOCK)):
        estimates = measure(Scored(labels, predictions, groups=groups), ["accuracy"], [], 0.95)
        (finding,) = judge_thresholds(Evaluation(0.95, estimates), limits).findings
        assert finding.severity is severity
