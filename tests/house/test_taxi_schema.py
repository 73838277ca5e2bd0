"""The curated taxi schema: no anomaly on clean splits of the real data, and one on each fault."""

import functools
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory

from tests.samples.folders import ROOT
from tests.samples.taxi_transformed import TEXT, WHOLE, taxi_rows

AFTER_PAYMENT = ["payment_type", "tips", "big_tipper"]


@functools.cache
def schema() -> Any:
    return tfdv.load_schema_text(str(ROOT / "schema/taxi/schema.pbtxt"))


def statistics(rows: pd.DataFrame) -> Any:
    columns = {}
    for name in rows:
        kind = pa.int64() if name in WHOLE else pa.large_binary() if name in TEXT else pa.float32()
        values = [[] if pd.isna(v) else [v.encode() if name in TEXT else v] for v in rows[name]]
        columns[name] = pa.array(values, pa.large_list(kind))
    batch = pa.RecordBatch.from_pydict(columns)
    return generate_statistics_in_memory(batch, tfdv.StatsOptions(schema=schema()))


def anomalies(rows: pd.DataFrame, environment: str = "TRAINING", **other: pd.DataFrame) -> set[str]:
    compared = {f"{name}_statistics": statistics(frame) for name, frame in other.items()}
    found = tfdv.validate_statistics(statistics(rows), schema(), environment=environment, **compared)
    return set(found.anomaly_info)


@functools.cache
def all_rows() -> pd.DataFrame:
    return taxi_rows(20_000)


@pytest.mark.parametrize("seed", range(3))
def test_clean_splits_have_no_anomalies(seed: int) -> None:
    shuffled = all_rows().sample(frac=1, random_state=seed)
    train, evaluation, test = np.split(shuffled, [12_000, 13_500])
    assert anomalies(train, serving=test.drop(columns=AFTER_PAYMENT), previous=evaluation) == set()
    assert anomalies(evaluation) == set()
    assert anomalies(test) == set()


def test_serving_rows_without_payment_are_complete_and_training_rows_without_it_are_not() -> None:
    served = all_rows().head(1000).drop(columns=AFTER_PAYMENT)
    assert anomalies(served, environment="SERVING") == set()
    assert anomalies(served) == set(AFTER_PAYMENT)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("trip_start_hour", 24),
        ("trip_start_day", 0),
        ("trip_start_month", 13),
        ("trip_start_timestamp", 1_400_269_500_000),
        ("pickup_latitude", -87.6),
        ("dropoff_longitude", 41.9),
        ("pickup_community_area", 78),
        ("dropoff_census_tract", 1_703_108_150),
        ("fare", -1.0),
        ("trip_miles", float("inf")),
        ("trip_seconds", -5),
        ("payment_type", "Cowrie"),
        ("big_tipper", 2),
    ],
)
def test_one_impossible_value_is_an_anomaly_of_its_column_alone(column: str, value: float | str) -> None:
    rows = all_rows().head(1000).copy()
    rows.loc[7, column] = value
    assert anomalies(rows) == {column}


@pytest.mark.parametrize("column", ["company", "payment_type"])
def test_a_mix_that_has_moved_since_the_previous_span_is_drift(column: str) -> None:
    before, now = all_rows().head(2000), all_rows().head(2000).copy()
    now.loc[:1000, column] = "Cash" if column == "payment_type" else "Northwest Management LLC"
    assert anomalies(now, previous=before) == {column}


def test_a_company_mix_that_differs_from_serving_is_skew() -> None:
    rows = all_rows().head(2000)
    served = rows.drop(columns=AFTER_PAYMENT).assign(company="Northwest Management LLC")
    assert anomalies(rows, serving=served) == {"company"}
