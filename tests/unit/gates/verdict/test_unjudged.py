"""Under strict no way leads around a check of tier 1 without a waiver that has a reason and has not expired."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest

from gates.verdict import judge as module
from gates.verdict.catalogue import Check, Gate, Need, NotApplicable, NothingToJudge
from gates.verdict.finding import GateReport, Severity, Verdict
from gates.verdict.judge import judge
from gates.verdict.measurement import Measurement
from gates.verdict.settings import CheckSettings, GateSettings

TODAY = date(2026, 11, 30)
WAIVER = {"reason": "agreed with the owner", "expires": "2026-11-30"}
WEAKENED: list[tuple[str, dict[str, Any]]] = [
    ("enabled", {"enabled": False}),
    ("severity", {"severity": "warn"}),
    ("threshold", {"threshold": 0.5}),
]


class Evidence:
    def __init__(self, *lacking: Need) -> None:
        self._lacking = lacking

    def lacks(self, needs: tuple[Need, ...]) -> Need | None:
        return next((need for need in needs if need in self._lacking), None)


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Any:
    def judged(
        problem: Exception | None = None,
        tier: int = 1,
        strict: bool = True,
        lacking: tuple[Need, ...] = (),
        gate: Gate = Gate.DATA,
        needs: Need = Need.ENTITY,
        more_is_stricter: bool = False,
        **configured: Any,
    ) -> GateReport:
        def run(evidence: object, margin: float) -> Iterable[Measurement]:
            if problem is not None:
                raise problem
            yield Measurement("eval", "share", value=0.0, n=10, reason="No row of eval is in train.")

        def other(evidence: object, margin: float) -> Iterable[Measurement]:
            yield Measurement("eval", "share", value=0.0, n=10, reason="It is sound.")

        entry = Check("copies", gate, "", "", "share", 0.25, "", "", (needs,), tier, run, more_is_stricter)
        beside = Check("beside", gate, "", "", "share", 0.25, "", "", (), 2, other)
        monkeypatch.setattr(module, "checks", lambda gate: iter([entry, beside]))
        changes = {"copies": CheckSettings.model_validate(configured)} if configured else {}
        settings = GateSettings.model_construct(strict=strict, checks=changes)
        return judge(gate, Evidence(*lacking), settings, TODAY)

    return judged


@pytest.mark.parametrize(("key", "change"), WEAKENED)
def test_strict_refuses_a_change_that_weakens_a_check_of_tier_one(
    report: Any, key: str, change: dict[str, Any]
) -> None:
    refused = report(**change)
    assert [(each.check, each.subject) for each in refused.of(Severity.BLOCK)] == [("copies", key)]
    assert not refused.blessed
    assert report(strict=False, **change).verdict is Verdict.PASS
    assert report(tier=2, **change).verdict is Verdict.PASS


@pytest.mark.parametrize(("key", "change"), WEAKENED)
def test_a_waiver_lets_it_pass_and_stands_in_the_verdict(report: Any, key: str, change: dict[str, Any]) -> None:
    for subjects in ([], [key]):
        passed = report(**change, waive={**WAIVER, "subjects": subjects})
        assert passed.verdict is Verdict.PASS
        (finding,) = passed.of(Severity.WARN)
        plain = passed.to_json()["findings"][0]
        assert (plain["waiver"], plain["waived_until"]) == ("agreed with the owner", "2026-11-30")
        (read,) = GateReport.loads(passed.dumps()).of(Severity.WARN)
        assert (read.waiver, read.waived_until, read.reason) == (finding.waiver, finding.waived_until, finding.reason)


@pytest.mark.parametrize(("key", "change"), WEAKENED)
def test_a_waiver_that_expired_or_is_for_another_subject_lets_nothing_pass(
    report: Any, key: str, change: dict[str, Any]
) -> None:
    expired = report(**change, waive={**WAIVER, "expires": "2026-11-29"})
    assert not expired.blessed
    assert "expired on 2026-11-29" in expired.of(Severity.BLOCK)[0].reason
    assert not report(**change, waive={**WAIVER, "subjects": ["eval"]}).blessed


def test_a_stricter_threshold_needs_no_waiver(report: Any) -> None:
    assert report(threshold=0.1).verdict is Verdict.PASS
    assert report(threshold=0.25).verdict is Verdict.PASS
    assert report(threshold=0.5, more_is_stricter=True).verdict is Verdict.PASS


@pytest.mark.parametrize("need", [Need.PROBES, Need.COMBINATIONS])
def test_strict_spares_a_model_without_optional_fields(report: Any, need: Need) -> None:
    assert report(gate=Gate.MODEL, needs=need, lacking=(need,)).verdict is Verdict.PASS
    assert report(gate=Gate.MODEL, needs=Need.GOLDEN, lacking=(Need.GOLDEN,)).verdict is Verdict.FAIL


@pytest.mark.parametrize("gate", [Gate.DATA, Gate.MODEL])
def test_strict_refuses_where_a_check_of_tier_one_could_not_judge(report: Any, gate: Gate) -> None:
    refused = report(NotApplicable("the key holds no single values"), gate=gate)
    (finding,) = refused.of(Severity.BLOCK)
    assert (finding.check, refused.verdict) == ("copies", Verdict.FAIL)
    assert "the key holds no single values" in finding.reason
    assert report(NotApplicable("why"), gate=gate, tier=2).verdict is Verdict.PASS
    waived = report(NotApplicable("why"), gate=gate, waive=WAIVER)
    assert (waived.blessed, waived.findings[0].waiver) == (True, "agreed with the owner")


def test_without_strict_it_warns_and_the_verdict_is_inconclusive(report: Any) -> None:
    doubtful = report(NotApplicable("the key holds no single values"), strict=False)
    assert doubtful.verdict is Verdict.INCONCLUSIVE
    assert [each.check for each in doubtful.of(Severity.WARN)] == ["copies"]
    assert doubtful.in_doubt == ("copies",)


def test_strict_spares_an_input_that_was_not_given_and_data_without_anything_to_judge(report: Any) -> None:
    assert report(lacking=(Need.ENTITY,)).verdict is Verdict.PASS
    assert report(NothingToJudge("no column of numbers")).verdict is Verdict.PASS
    assert not report(lacking=(Need.ENTITY,), gate=Gate.MODEL).blessed
