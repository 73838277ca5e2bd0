"""A model to beat that cannot be had refuses, unless a waiver is in force."""

from __future__ import annotations

from datetime import date

import pytest

from gates.evaluation.missing_champion import missing_champion
from gates.verdict.finding import Severity
from gates.verdict.settings import Waiver

MISSING = "taxi 1.0.0 is in the index, but /registry/taxi/1.0.0 is gone."
WAIVER = Waiver(reason="the disk was lost", expires=date(2026, 12, 31))


def test_it_refuses_with_the_command_that_waives_it() -> None:
    finding = missing_champion(MISSING, 1539, None, date(2026, 11, 30))
    assert (finding.severity, finding.reason, finding.n, finding.waiver) == (Severity.BLOCK, MISSING, 1539, None)
    assert finding.remedy.endswith("  --set 'evaluator.without_champion={reason: WHY, expires: YYYY-MM-DD}'")
    assert "local_runner" not in finding.remedy, "the command is the one of this workload, wherever it runs"


@pytest.mark.parametrize(("today", "passes"), [(date(2026, 12, 31), True), (date(2027, 1, 1), False)])
def test_a_waiver_lets_it_pass_up_to_its_last_day(today: date, passes: bool) -> None:
    finding = missing_champion(MISSING, 1539, WAIVER, today)
    assert finding.severity is (Severity.WARN if passes else Severity.BLOCK)
    assert finding.waiver == ("the disk was lost" if passes else None)
    assert finding.waived_until == ("2026-12-31" if passes else None)
    assert ("Waived until 2026-12-31: the disk was lost" if passes else "expired on 2026-12-31") in finding.reason


def test_the_subjects_of_a_waiver_mean_nothing_here() -> None:
    waiver = WAIVER.model_copy(update={"subjects": ["another"]})
    assert missing_champion(MISSING, 1539, waiver, date(2026, 12, 1)).severity is Severity.WARN
