"""The names, types and few values of columns."""

from __future__ import annotations

import pandas as pd

from gates.verdict.finding import Severity
from tests.samples.skew import ABSENT_FROM_SERVING, assigned, blocking, data_of, findings, refusing


def _sides() -> tuple[pd.DataFrame, pd.DataFrame]:
    train, serving = assigned([3000, 1000])
    return train, serving.drop(columns=ABSENT_FROM_SERVING)


def test_refuses_a_serving_log_without_a_feature() -> None:
    train, serving = _sides()
    assert blocking(data_of(train, serving=serving.drop(columns="fare"))) == {("schema_columns", "fare in serving")}


def test_lets_serving_lack_the_label_and_what_is_withheld() -> None:
    train, serving = _sides()
    assert refusing(data_of(train, serving=serving)) == set()


def test_warns_of_a_column_that_train_does_not_know() -> None:
    train, serving = _sides()
    found = [each for each in findings(data_of(train, serving=serving.assign(surge=1.5))) if "surge" in each.subject]
    assert [(each.check, each.severity) for each in found] == [("schema_columns", Severity.WARN)]


def test_refuses_amounts_written_with_a_currency_sign() -> None:
    train, serving = _sides()
    serving["fare"] = [f"${fare:.2f}" for fare in serving["fare"]]
    assert blocking(data_of(train, serving=serving)) == {("schema_types", "fare in serving")}


def test_a_finding_names_the_column_that_it_is_about() -> None:
    train, serving = _sides()
    serving["fare"] = [f"${fare:.2f}" for fare in serving["fare"]]
    found = findings(data_of(train, serving=serving.drop(columns="trip_miles")))
    about = {(each.check, each.subject): each.column for each in found}
    assert about["schema_types", "fare in serving"] == "fare"
    assert about["schema_columns", "trip_miles in serving"] == "trip_miles"
    assert {column for (_, subject), column in about.items() if subject.startswith("company in serving")} == {"company"}
    assert {column for (_, subject), column in about.items() if subject.startswith("all columns")} == {None}


def test_refuses_quoted_numbers() -> None:
    train, serving = _sides()
    serving["fare"] = serving["fare"].astype(str)
    assert blocking(data_of(train, serving=serving)) == {("schema_types", "fare in serving")}


def test_lets_one_stray_token_be_no_change_of_type() -> None:
    # A reader of CSV calls the whole column text for one "?" in it.
    train, serving = _sides()
    train["fare"] = train["fare"].astype(str)
    train.loc[:5, "fare"] = "?"
    assert refusing(data_of(train, serving=serving)) == set()


def test_refuses_images_of_another_size() -> None:
    train = pd.DataFrame({"pixels": [[0.0, 1.0, 2.0, 3.0]] * 50})
    other = pd.DataFrame({"pixels": [[0.0, 1.0]] * 50})
    assert ("schema_types", "pixels in eval") in blocking(data_of(train, eval=other))


def test_refuses_days_that_begin_with_0() -> None:
    train, serving = _sides()
    serving["trip_start_day"] -= 1
    found = blocking(data_of(train, serving=serving))
    assert ("schema_domain", "trip_start_day in serving") in found
    assert all("trip_start_day" in subject for _, subject in found if "all columns" not in subject)


def test_an_empty_column_on_one_side_is_no_change_of_type() -> None:
    train, serving = _sides()
    train["pickup_census_tract"] = None
    serving["pickup_census_tract"] = 1.0
    assert "schema_types" not in refusing(data_of(train, serving=serving))
