"""The moment at which a graph is made must not stand in it; the exports are real ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gates.model.evidence import Literal, ModelEvidence
from gates.model.gate import judge_model
from gates.verdict.finding import Finding, Severity
from models.export.literals import literals_of
from tests.samples.planted_exports import Answer, Rides

# A day on which no test runs: what is frozen is given, not read from the clock.
NOW = datetime(2031, 8, 17, 15, 42, 7, tzinfo=timezone.utc)
SECONDS, DAYS = NOW.timestamp(), (NOW.date() - date(1970, 1, 1)).days


def _judged(literals: list[dict[str, Any]], made: float = SECONDS + 600) -> Finding:
    evidence = ModelEvidence(literals=tuple(Literal(**each) for each in literals), made=(made,))
    [finding] = [each for each in judge_model(evidence).findings if each.check == "frozen_date"]
    return finding


def _of(answer: Answer, folder: Path, **more: Any) -> Finding:
    return _judged(literals_of(Rides(answer, **more).export(folder / "export")))


def _by(frozen: Callable[[Any, Any], Any]) -> Answer:
    """A model that uses the hour as the time of the ride."""
    return lambda model, fare, hour, company: model.weight * tf.cast(frozen(hour, company), tf.float32)


FROZEN = {
    "seconds": _by(lambda hour, _: (SECONDS - tf.cast(hour, tf.float64)) / 86_400),
    "seconds as a constant": _by(lambda hour, _: tf.cast(tf.constant(int(SECONDS)), tf.int64) - hour),
    "the other way round": _by(lambda hour, _: tf.cast(hour, tf.float32) + -SECONDS),
    "milliseconds": _by(lambda hour, _: int(1e3 * SECONDS) - hour),
    "days": _by(lambda hour, _: DAYS - hour),
    "days by division in the graph": _by(lambda hour, _: tf.constant(SECONDS) / 86_400 - tf.cast(hour, tf.float32)),
    "hours": _by(lambda hour, _: int(SECONDS // 3600) - hour),
    "ordinal": _by(lambda hour, _: NOW.toordinal() - hour),
    "a date as a number": _by(lambda hour, _: hour < 20310817),
    "a date in text": _by(lambda _, company: tf.equal(company, "2031-08-17")),
    "a german date in text": _by(lambda _, company: tf.equal(company, "17.08.2031")),
    "seconds since a day of its own": _by(
        lambda hour, _: SECONDS - 1_356_998_400 - tf.cast(hour - 1_356_998_400, tf.float64)
    ),
    "compared": _by(lambda hour, _: tf.greater(hour, int(SECONDS) - 3600)),
}


@pytest.mark.parametrize("frozen", FROZEN)
def test_refuses_a_graph_that_holds_the_moment_at_which_it_was_made(frozen: str, tmp_path: Path) -> None:
    finding = _of(FROZEN[frozen], tmp_path)
    assert (finding.severity, finding.subject) == (Severity.BLOCK, "date")
    assert "stands still" in finding.reason


def test_a_graph_made_hours_before_its_file_in_another_time_zone_is_refused(tmp_path: Path) -> None:
    literals = literals_of(Rides(FROZEN["days"]).export(tmp_path / "export"))
    for hours in (-12, 0, 20):
        assert _judged(literals, SECONDS + 3600 * hours).severity is Severity.BLOCK
    assert _judged(literals, SECONDS + 86_400 * 10).severity is Severity.INFO


def test_warns_of_this_years_number_which_may_be_meant(tmp_path: Path) -> None:
    finding = _of(_by(lambda hour, _: NOW.year - hour), tmp_path)
    assert (finding.severity, finding.subject) == (Severity.WARN, "date in doubt")
    assert "2031, the year" in finding.reason


HONEST = {
    "another day": _by(lambda hour, _: DAYS - 400 - hour),
    "a fixed year": _by(lambda hour, _: hour - 2013),
    "a size": _by(lambda hour, _: tf.math.floormod(hour, DAYS)),
    "an hour": _by(lambda hour, _: hour / 24),
    "a number in text": _by(lambda _, company: tf.equal(company, "Taxi 2031")),
    "another date in text": _by(lambda _, company: tf.equal(company, "2013-08-17")),
    "seconds of a day": _by(lambda hour, _: hour * 86_400),
}


@pytest.mark.parametrize("honest", HONEST)
def test_lets_other_literals_pass(honest: str, tmp_path: Path) -> None:
    assert _of(HONEST[honest], tmp_path).severity is Severity.INFO


def test_warns_of_a_round_number_which_may_be_a_bound_of_the_data() -> None:
    """500,000 hours after the beginning of 1970 it is 15 January 2027, 8 o'clock."""
    literals = [{"value": 500_000.0, "node": "greater/y", "against": True}]
    finding = _judged(literals, datetime(2027, 1, 15, 9, tzinfo=timezone.utc).timestamp())
    assert (finding.severity, finding.subject) == (Severity.WARN, "date in doubt")


def test_a_date_that_32_bits_do_not_hold_is_refused() -> None:
    """20310801 is 20310800 in 32 bits, which is no day."""
    literals = [{"value": float(np.float32(20310801)), "node": "less/y", "against": True}]
    finding = _judged(literals, datetime(2031, 8, 1, 9, tzinfo=timezone.utc).timestamp())
    assert (finding.severity, finding.subject) == (Severity.BLOCK, "date")


def test_warns_of_a_moment_that_a_layer_kept_when_it_was_made(tmp_path: Path) -> None:
    """It is handed to the function as an analyzer's result is; what a transformation learnt is left out beforehand."""

    def keep(model: Rides) -> None:
        model.made = tf.constant(SECONDS, tf.float64)

    def aged(model: Any, fare: Any, hour: Any, company: Any) -> Any:
        return model.weight * tf.cast((model.made - tf.cast(hour, tf.float64)) / 86_400, tf.float32)

    finding = _of(aged, tmp_path, prepare=keep)
    assert (finding.severity, finding.subject) == (Severity.WARN, "date in doubt")


def test_the_day_of_a_verdict_changes_nothing(tmp_path: Path) -> None:
    evidence = ModelEvidence(literals=(Literal(SECONDS, "sub/x", True),), made=(SECONDS,))
    reports = [judge_model(evidence, today=NOW.date() + timedelta(days=days)) for days in (0, 400)]
    assert reports[0].findings == reports[1].findings


def test_is_not_judged_where_the_graph_was_not_read() -> None:
    report = judge_model(ModelEvidence())
    assert "frozen_date" in {each.check for each in report.checks_skipped}
