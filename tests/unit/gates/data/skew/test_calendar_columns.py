"""Columns that follow the time, in a table of a later time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gates.data.declared import Declared
from gates.data.gate import judge_data
from gates.verdict.finding import Finding, Severity
from tests.samples.skew import data_of

TIME = Declared(label="y", time="when")


def days(first: str, rows: int, hours: int, seed: int = 0) -> pd.DataFrame:
    """Rows of so many hours from a day on, with their places in the calendar."""
    rng = np.random.default_rng(seed)
    when = pd.Timestamp(first) + pd.to_timedelta(np.sort(rng.integers(0, hours * 3600, rows)), unit="s")
    when = pd.Series(when)
    return pd.DataFrame(
        {
            "when": when.astype("datetime64[ns]").astype("int64") // 10**9,
            "month": when.dt.month,
            "month_name": when.dt.strftime("%B"),
            "weekday": when.dt.dayofweek + 1,
            "weekday_from_sunday": (when.dt.dayofweek + 1) % 7,
            "year": when.dt.year,
            "week": when.dt.isocalendar().week.astype("int64"),
            "created": when.dt.strftime("%Y-%m-%d"),
            "amount": rng.normal(size=rows),
            "kind": rng.choice(["a", "b", "c"], rows),
            "y": rng.integers(0, 2, rows),
        }
    )


def grave(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(each.check, each.subject) for each in findings if each.severity is not Severity.INFO]


@pytest.mark.parametrize("name", ["eval", "serving", "previous"])
@pytest.mark.parametrize("first", ["2024-03-01", "2025-01-01"], ids=["the next day", "the next year"])
def test_a_later_day_is_like_train(name: str, first: str) -> None:
    before = pd.Timestamp(first) - pd.Timedelta(days=60)
    train, later = days(str(before), 6_000, 60 * 24), days(first, 600, 24, seed=1)
    report = judge_data(data_of(train, TIME, **{name: later}))
    assert grave(report.findings) == []
    (told,) = [each for each in report.findings if each.subject == f"calendar of {name}"]
    assert {"`month`", "`month_name`", "`weekday`", "`year`"} <= set(told.reason.replace(",", " ").split())


def texts_of(frame: pd.DataFrame) -> pd.DataFrame:
    """The calendar in texts, as files have it."""
    when = pd.to_datetime(frame["when"], unit="s")
    return frame.assign(
        day_text=when.dt.strftime("%d.%m.%Y"),
        month_text=when.dt.strftime("%Y-%m"),
        quarter=when.dt.to_period("Q").astype(str),
        short=when.dt.strftime("%a"),
        when=when.dt.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def test_the_day_after_a_single_day_is_like_train_also_in_texts_and_in_another_month() -> None:
    train, later = (texts_of(days(day, 2_000, 24, seed)) for seed, day in enumerate(("2026-10-31", "2026-11-01")))
    serving = later.drop(columns="y")
    before = texts_of(days("2026-10-30", 2_000, 24, seed=2))
    findings = judge_data(data_of(train, TIME, serving=serving, previous=before))
    assert grave(findings.findings) == []
    (told,) = [each for each in findings.findings if each.subject == "calendar of serving"]
    assert {"`day_text`", "`month_name`", "`month_text`"} <= set(told.reason.replace(",", " ").split())


@pytest.mark.parametrize("wrong", ["2026-12", "November", "?"])
def test_a_later_month_that_says_another_time_than_its_row_is_refused(wrong: str) -> None:
    train = texts_of(days("2026-09-01", 6_000, 61 * 24))
    later = texts_of(days("2026-11-01", 1_000, 24, seed=1)).drop(columns="y")
    assert grave(judge_data(data_of(train, TIME, serving=later)).findings) == []
    found = grave(judge_data(data_of(train, TIME, serving=later.assign(month_text=wrong))).findings)
    assert {subject for _, subject in found} == {"month_text in serving"}


def test_refuses_a_weekday_counted_from_another_day() -> None:
    train, later = days("2024-01-01", 6_000, 60 * 24), days("2024-03-01", 3_000, 7 * 24, seed=1)
    wrong = later.assign(weekday=later["weekday"] - 1)
    found = grave(judge_data(data_of(train, TIME, serving=wrong)).findings)
    assert {subject for _, subject in found} == {"weekday in serving"}


def test_a_column_that_does_not_follow_the_time_is_compared() -> None:
    train, later = days("2024-01-01", 6_000, 60 * 24), days("2024-03-01", 1_500, 3 * 24, seed=1)
    found = grave(judge_data(data_of(train, TIME, serving=later.assign(amount=later["amount"] + 3))).findings)
    assert {subject for _, subject in found} == {"amount in serving"}
