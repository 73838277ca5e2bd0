"""The one decision rule: certain and beyond the margin blocks; waivers and severities lower what blocks."""

from __future__ import annotations

import json
import math
from datetime import date

import pytest

from gates.verdict.finding import Finding, Severity, Verdict
from gates.verdict.measurement import Measurement
from gates.verdict.rule import ALPHA, decide, holm
from gates.verdict.settings import CheckSettings, GateSettings, Waiver

TODAY = date(2026, 11, 21)


def measured(check: str = "duplicates", subject: str = "eval", value: float = 0.5, **more: object) -> Measurement:
    given = {"statistic": "share", "margin": 0.1, "n": 1000, "reason": "Half of eval is in train.", "remedy": "Split."}
    return Measurement(check=check, subject=subject, value=value, **{**given, **more})  # type: ignore[arg-type]


def decided(*each: Measurement, tiers: dict[str, int] | None = None, **settings: object):
    changes = {key: value for key, value in settings.items() if key != "strict"}
    chosen = GateSettings.model_construct(
        strict=bool(settings.get("strict")),
        checks={name: CheckSettings.model_validate(v) for name, v in changes.items()},
    )
    return decide(list(each), tiers or {}, chosen, TODAY)


@pytest.mark.parametrize(
    ("value", "p_value", "severity"),
    [
        (0.5, None, Severity.BLOCK),
        (0.5, 1e-9, Severity.BLOCK),
        (0.5, 0.01, Severity.INFO),  # beyond, and may be chance
        (0.05, 1e-9, Severity.INFO),  # certain, and does not matter
        (math.nan, None, Severity.BLOCK),  # what cannot be computed is not sound
        (0.5, math.nan, Severity.INFO),
    ],
)
def test_blocks_what_is_certain_and_matters(value: float, p_value: float | None, severity: Severity) -> None:
    (finding,), verdict = decided(measured(value=value, p_value=p_value))
    assert finding.severity is severity
    assert verdict is (Verdict.FAIL if severity is Severity.BLOCK else Verdict.PASS)


def test_a_p_value_must_survive_everything_else_that_was_compared() -> None:
    alone, _ = decided(measured(p_value=ALPHA * 0.9))
    beside = [measured(subject=f"c{i}", value=0.0, p_value=0.5) for i in range(20)]
    among, verdict = decided(measured(p_value=ALPHA * 0.9), *beside)
    assert (alone[0].severity, among[0].severity, verdict) == (Severity.BLOCK, Severity.INFO, Verdict.PASS)


def test_holm_agrees_with_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.9]) == [1.0, 1.0]


def test_facts_do_not_make_the_others_less_certain() -> None:
    facts = [measured(subject=f"c{i}", value=0.0) for i in range(50)]
    assert decided(*facts, measured(p_value=ALPHA * 0.9))[1] is Verdict.FAIL


def test_doubt_in_tier_one_is_inconclusive_and_refuses_only_when_strict() -> None:
    doubtful = measured(value=0.05, upper=0.2, p_value=0.4, rows_to_decide=4603)
    findings, verdict = decided(doubtful, tiers={"duplicates": 1})
    assert (findings[0].severity, verdict) == (Severity.INFO, Verdict.INCONCLUSIVE)
    assert "4,603 would decide it" in findings[0].reason
    findings, verdict = decided(doubtful, tiers={"duplicates": 1}, strict=True)
    assert (findings[0].severity, verdict) == (Severity.BLOCK, Verdict.FAIL)
    assert decided(doubtful, tiers={"duplicates": 2}, strict=True)[1] is Verdict.PASS


def test_rows_that_would_decide_are_more_than_there_are() -> None:
    for needed in (None, 10, 1_083):
        doubtful = measured(value=0.05, upper=0.2, p_value=0.4, n=2_500, rows_to_decide=needed)
        assert "would decide" not in decided(doubtful, tiers={"duplicates": 1})[0][0].reason
    suspected = measured(value=0.9, p_value=0.01, n=2_500)
    assert "about 4,4" in decided(suspected, tiers={"duplicates": 1})[0][0].reason


def test_only_a_finding_in_doubt_has_the_field_undecided() -> None:
    doubtful = measured(value=0.05, upper=0.2, p_value=0.4)
    certain = measured(subject="test", reason="That cannot be decided with these words.")
    findings, _ = decided(doubtful, certain, tiers={"duplicates": 1})
    assert {finding.subject: finding.undecided for finding in findings} == {"eval": True, "test": False}
    for finding in findings:
        plain = json.loads(json.dumps(finding.to_json(), allow_nan=False))
        assert ("undecided" in plain) is finding.undecided
        assert Finding.from_json(plain) == finding


def test_a_check_that_may_only_warn_never_blocks() -> None:
    findings, verdict = decided(measured(at_most=Severity.WARN), tiers={"duplicates": 1}, strict=True)
    assert (findings[0].severity, verdict) == (Severity.WARN, Verdict.PASS)


def test_gravest_findings_come_first() -> None:
    findings, _ = decided(measured(subject="a", value=0.0), measured(subject="b", at_most=Severity.WARN), measured())
    assert [finding.severity for finding in findings] == [Severity.BLOCK, Severity.WARN, Severity.INFO]


def test_a_waiver_lets_it_pass_as_a_warning_and_is_shown() -> None:
    waive = {"reason": "Agreed with Ops.", "expires": "2026-11-21"}
    (finding,), verdict = decided(measured(), duplicates={"waive": waive})
    assert (finding.severity, finding.waiver, verdict) == (Severity.WARN, "Agreed with Ops.", Verdict.PASS)
    assert finding.reason.endswith("Waived until 2026-11-21: Agreed with Ops.")


def test_an_expired_waiver_blocks_again_and_is_reported() -> None:
    waive = {"reason": "Agreed with Ops.", "expires": "2026-11-20"}
    (finding,), verdict = decided(measured(), duplicates={"waive": waive})
    assert (finding.severity, finding.waiver, verdict) == (Severity.BLOCK, None, Verdict.FAIL)
    assert "expired on 2026-11-20" in finding.reason
    assert "blocks again" in finding.reason


def test_a_waiver_of_one_subject_leaves_the_others() -> None:
    waive = {"reason": "Agreed.", "expires": "2027-01-01", "subjects": ["fare"]}
    findings, verdict = decided(measured(subject="fare"), measured(subject="tips"), duplicates={"waive": waive})
    assert {finding.subject: finding.severity for finding in findings} == {
        "fare": Severity.WARN,
        "tips": Severity.BLOCK,
    }
    assert verdict is Verdict.FAIL


def test_severity_warn_shows_and_does_not_refuse() -> None:
    (finding,), verdict = decided(measured(), duplicates={"severity": "warn"})
    assert (finding.severity, verdict) == (Severity.WARN, Verdict.PASS)


def test_a_waiver_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        Waiver.model_validate({"reason": " ", "expires": "2027-01-01"})
