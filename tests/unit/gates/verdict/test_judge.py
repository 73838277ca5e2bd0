"""`judge` adds name and margin to the measurements of a check, so that no check repeats them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pytest

from gates.verdict import judge as module
from gates.verdict.catalogue import Check, Gate, Need
from gates.verdict.finding import Finding
from gates.verdict.judge import judge
from gates.verdict.measurement import Measurement
from gates.verdict.settings import CheckSettings, GateSettings


class Everything:
    def lacks(self, needs: tuple[Need, ...]) -> Need | None:
        return None


def findings(monkeypatch: pytest.MonkeyPatch, measurement: Measurement, **configured: float) -> tuple[Finding, ...]:
    def run(evidence: object, margin: float) -> Iterable[Measurement]:
        yield measurement

    entry = Check("copies", Gate.DATA, "", "", "", 0.25, "", "", (), 2, run)
    monkeypatch.setattr(module, "checks", lambda gate: iter([entry]))
    settings = GateSettings.model_construct(
        checks={name: CheckSettings(threshold=value) for name, value in configured.items()}
    )
    return judge(Gate.DATA, Everything(), settings, date(2026, 11, 21)).findings


def measured(**more: float) -> Measurement:
    return Measurement("eval", "share", value=0.5, n=10, reason="Half of eval is in train.", **more)  # type: ignore[arg-type]


def test_a_finding_has_the_name_and_the_margin_of_its_check(monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = findings(monkeypatch, measured())
    assert (finding.check, finding.threshold, finding.severity.value) == ("copies", 0.25, "block")


def test_a_configured_threshold_replaces_the_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = findings(monkeypatch, measured(), copies=0.75)
    assert (finding.threshold, finding.severity.value) == (0.75, "info")


@pytest.mark.parametrize("margin", [0.0, 0.6])
def test_a_check_may_measure_against_another_margin(monkeypatch: pytest.MonkeyPatch, margin: float) -> None:
    (finding,) = findings(monkeypatch, measured(margin=margin))
    assert (finding.threshold, finding.severity.value) == (margin, "info" if margin > 0.5 else "block")


def test_a_measurement_without_a_margin_is_beyond_it() -> None:
    assert measured().is_beyond
    assert measured(upper=0.1).is_doubtful
