"""The same events in training and in the serving log, value by value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.verdict.finding import Finding, Severity
from tests.samples.leakage import findings_of
from tests.samples.skew import LABEL, assigned, data_of, rides

TIME = "trip_start_timestamp"
KEYED = Declared(label=LABEL, entity="ride", time=TIME)


def trips() -> pd.DataFrame:
    frame = rides().drop(columns=["tips", "payment_type"]).head(4_000)
    return frame.assign(ride=[f"ride {i % 3_900}" for i in range(len(frame))])


def log_of(frame: pd.DataFrame, rows: int = 2_000) -> pd.DataFrame:
    return frame.sample(rows, random_state=0).drop(columns=[LABEL]).reset_index(drop=True)


def judged(serving: pd.DataFrame, declared: Declared = KEYED, **more: pd.DataFrame) -> list[Finding]:
    return findings_of(data_of(trips(), declared, serving=serving, **more), "keyed_values")


def refused(findings: list[Finding]) -> set[str]:
    return {each.subject for each in findings if each.severity is Severity.BLOCK}


def stale_company(log: pd.DataFrame) -> pd.DataFrame:
    late = np.random.default_rng(0).random(len(log)) < 0.3
    return log.assign(company=np.where(late, log.company.shift(1), log.company))


FAULTS = {
    "company": stale_company,
    "fare": lambda log: log.assign(fare=np.random.default_rng(1).permutation(log.fare)),
    "trip_miles": lambda log: log.assign(trip_miles=log.trip_miles.round()),
    "trip_start_hour": lambda log: log.assign(trip_start_hour=(log.trip_start_hour + 6) % 24),
    "trip_seconds": lambda log: log.assign(trip_seconds=log.trip_seconds.fillna(-1).where(log.index % 200 > 0, -1)),
    "pickup_census_tract": lambda log: log.assign(pickup_census_tract=log.pickup_census_tract.fillna(0)),
}


@pytest.mark.parametrize("column", FAULTS)
def test_refuses_the_feature_that_serving_computes_otherwise_and_no_other(column: str) -> None:
    found = judged(FAULTS[column](log_of(trips())))
    assert refused(found) == {column}
    sample = next(each.sample for each in found if each.subject == column)
    assert sample is not None and sample.columns == ("ride", TIME, "training", "serving") and 1 <= len(sample.rows) <= 5
    assert all(row[2] != row[3] for row in sample.rows)


def test_passes_the_same_values_in_32_bits_in_another_order() -> None:
    log = log_of(trips()).sample(frac=1, random_state=3)
    floats = log.select_dtypes("float64").columns
    assert not refused(judged(log.astype(dict.fromkeys(floats, "float32"))))


def test_finds_the_rows_in_eval_too() -> None:
    train, held_out = assigned((2_500, 1_500), 0, trips())
    log = log_of(held_out, 1_400).assign(fare=lambda each: each.fare + 1)
    data = data_of(train, KEYED, eval=held_out, serving=log)
    assert refused(findings_of(data, "keyed_values")) == {"fare"}


def test_a_previous_span_with_the_same_rows_does_not_hide_them() -> None:
    log = log_of(trips()).assign(fare=lambda each: each.fare + 1)
    assert refused(judged(log, previous=trips())) == {"fare"}


def test_compares_rows_of_one_key_in_sorted_order() -> None:
    frame = trips().assign(ride=[f"ride {i // 3}" for i in range(4_000)], **{TIME: 0})
    whole = frame.drop(columns=[LABEL]).sample(frac=1, random_state=1)
    assert not refused(findings_of(data_of(frame, KEYED, serving=whole), "keyed_values"))
    wrong = whole.assign(fare=whole.fare * 1.01)
    assert refused(findings_of(data_of(frame, KEYED, serving=wrong), "keyed_values")) == {"fare"}


def test_joins_on_the_entity_alone_where_it_is_unique() -> None:
    frame = trips().assign(ride=np.arange(4_000) + 2**60)
    declared = Declared(label=LABEL, entity="ride")
    log = log_of(frame)
    assert not refused(findings_of(data_of(frame, declared, serving=log), "keyed_values"))
    log["fare"] = log.fare.round()
    assert refused(findings_of(data_of(frame, declared, serving=log), "keyed_values")) == {"fare"}


def test_tells_without_judging_when_too_few_rows_find_their_key() -> None:
    log = log_of(trips()).assign(fare=lambda each: each.fare + 1)
    log.loc[:200, "ride"] = [f"other {i}" for i in range(201)]
    found = judged(log)
    assert not refused(found)
    assert any("below 95%" in each.reason for each in found)


def skipped(data: Data) -> bool:
    return findings_of(data, "keyed_values") == []


def test_does_not_apply_to_a_later_log_or_to_other_events() -> None:
    train, later = assigned((2_000, 2_000), 0, trips())
    assert skipped(data_of(train, KEYED, serving=later.assign(**{TIME: later[TIME] + 10**9})))
    # The same row numbers in two files are no key.
    numbered = Declared(label=LABEL, entity="row")
    assert skipped(data_of(train.assign(row=range(2_000)), numbered, serving=later.assign(row=range(2_000))))
    assert skipped(data_of(train, Declared(label=LABEL, entity="company"), serving=later))
    assert skipped(data_of(train, KEYED, serving=later.drop(columns=["ride"])))
    assert skipped(data_of(train, KEYED, serving=later.head(0)))


def test_two_corrections_in_the_log_do_not_refuse_it() -> None:
    log = log_of(trips(), 1_000)
    log.loc[:1, "fare"] += 1
    assert not refused(judged(log))
    log.loc[:4, "fare"] += 1
    assert refused(judged(log)) == {"fare"}
