"""Rows in serving that differ from those of training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.faults.case import Case, assign
from benchmarks.faults.plants import plant
from benchmarks.faults.tables import TableSource

FAMILY = "skew"
# Any check of this kind may refuse these: a wrong unit changes the distribution, the range and the atoms at once.
ANY = ("skew",)
SERVING = ("serving",)


def _changed(case: Case, column: str, change: Callable[[pd.Series], object]) -> Case:
    return case.with_column(column, lambda frame: change(frame[column]), SERVING)


def _part(case: Case, frame: pd.DataFrame, share: float) -> np.ndarray:
    """A mask with a share of the rows, at random."""
    mask = np.zeros(len(frame), dtype=bool)
    mask[case.rng.choice(len(frame), round(share * len(frame)), replace=False)] = True
    return mask


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(1.0, 0.3, 0.1, 0.03),
    headline=1.0,
    unit="share of rows",
    on=("taxi", "flights", "diamonds"),
)
def miles_as_kilometres(case: Case, dose: float) -> Case:
    """A distance (or weight) arrives in another unit, 1.6 times as large."""
    column = case.column("second_amount")
    mask = _part(case, case.frames["serving"], dose)
    return _changed(case, column, lambda values: values.where(~mask, values * 1.609344))


@plant(family=FAMILY, expects=ANY, doses=(1.0, 0.3, 0.1, 0.03), headline=1.0, unit="share of rows", on=("taxi",))
def seconds_as_minutes(case: Case, dose: float) -> Case:
    """A duration arrives in minutes."""
    mask = _part(case, case.frames["serving"], dose)
    return _changed(case, case.column("duration"), lambda values: values.where(~mask, values / 60))


@plant(family=FAMILY, expects=ANY, on=("taxi", "flights", "diamonds"))
def column_missing(case: Case) -> Case:
    """A column that train has does not arrive."""
    return case.with_frame("serving", case.frames["serving"].drop(columns=case.column("second_amount")))


@plant(family=FAMILY, expects=ANY, on=("taxi", "flights", "diamonds"))
def number_as_text(case: Case) -> Case:
    """A number arrives as text with a currency sign."""
    return _changed(case, case.column("amount"), lambda values: "$" + values.map("{:.2f}".format))


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(1.0, 0.3, 0.1, 0.03, 0.01),
    headline=1.0,
    unit="share of rows",
    on=("taxi", "flights", "diamonds"),
)
def lower_cased_category(case: Case, dose: float) -> Case:
    """A category arrives in lower case."""
    mask = _part(case, case.frames["serving"], dose)
    return _changed(case, case.column("category"), lambda values: values.where(~mask, values.str.lower()))


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(0.30, 0.10, 0.05, 0.03, 0.01),
    headline=0.10,
    unit="share of rows",
    on=("taxi", "flights", "diamonds"),
)
def minus_one_for_missing(case: Case, dose: float) -> Case:
    """A default of -1 stands where the value was not known in time."""
    mask = _part(case, case.frames["serving"], dose)
    return _changed(case, case.column("amount"), lambda values: values.mask(mask, -1))


@plant(family=FAMILY, expects=ANY, doses=(6, 3, 2, 1), headline=6, unit="hours", on=("taxi", "flights"))
def another_time_zone(case: Case, dose: float) -> Case:
    """The hour of the day is that of another time zone."""
    return _changed(case, case.column("hour"), lambda values: (values + int(dose)) % 24)


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(1.0, 0.3, 0.1, 0.03),
    headline=1.0,
    unit="share of rows",
    on=("taxi", "flights", "diamonds"),
)
def columns_swapped(case: Case, dose: float) -> Case:
    """Pickup and dropoff (two times, two lengths) are exchanged."""
    frame = case.frames["serving"].copy()
    mask = _part(case, frame, dose)
    for left, right in case.source.swaps:
        frame[left], frame[right] = frame[left].mask(mask, frame[right]), frame[right].mask(mask, frame[left])
    return case.with_frame("serving", frame)


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(1.0, 0.3, 0.1),
    headline=1.0,
    unit="share of rows",
    on=("taxi", "flights", "diamonds"),
)
def joined_to_the_wrong_rows(case: Case, dose: float) -> Case:
    """An amount is joined to other rows; its distribution is unchanged."""
    return _shuffled(case, "amount", dose)


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(1.0, 0.6, 0.3, 0.1),
    headline=0.3,
    unit="share of rows",
    on=("taxi", "flights", "diamonds"),
)
def stale_category(case: Case, dose: float) -> Case:
    """A category comes from an old table in which other values belong to these rows."""
    return _shuffled(case, "category", dose)


def _shuffled(case: Case, role: str, share: float) -> Case:
    mask = _part(case, case.frames["serving"], share)

    def shuffle(values: pd.Series) -> pd.Series:
        moved = values.copy()
        moved.iloc[np.flatnonzero(mask)] = case.rng.permutation(values[mask].to_numpy())
        return moved

    return _changed(case, case.column(role), shuffle)


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(1.0, 0.3, 0.1, 0.03),
    headline=1.0,
    unit="share of rows",
    on=("taxi", "flights"),
)
def amount_rounded(case: Case, dose: float) -> Case:
    """An amount arrives rounded to whole units."""
    mask = _part(case, case.frames["serving"], dose)
    return _changed(case, case.column("amount"), lambda values: values.where(~mask, values.round()))


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(3.0, 2.0, 1.6, 1.3),
    headline=2.0,
    unit="times too large",
    on=("taxi", "flights", "diamonds"),
)
def wrong_in_one_slice(case: Case, dose: float) -> Case:
    """A distance (or weight) is wrong in one area alone: the commonest of the areas with less than 15 % of rows."""
    frame, name = case.frames["serving"], case.column("slice")
    shares = frame[name].value_counts(normalize=True)
    small = shares[shares < 0.15]
    inside = frame[name] == (small.index[0] if len(small) else shares.index[-1])
    return _changed(case, case.column("second_amount"), lambda values: values.mask(inside, values * dose))


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(0.30, 0.15, 0.10, 0.07, 0.03),
    headline=0.15,
    unit="share of rows",
    on=("taxi", "flights", "diamonds"),
)
def values_missing(case: Case, dose: float) -> Case:
    """A column arrives empty in a part of the rows."""
    mask = _part(case, case.frames["serving"], dose)
    return _changed(case, case.column("amount"), lambda values: values.mask(mask))


def _two_hundred(source: TableSource, seed: int, rows: int | None) -> Case:
    case = assign(source, seed, rows=rows or 15_002)
    return case.with_frame("serving", case.frames["serving"].iloc[:200])


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(1.0, 0.5, 0.35, 0.2),
    headline=0.35,
    unit="sd",
    clean=_two_hundred,
    on=("taxi", "flights", "diamonds"),
)
def shift_in_two_hundred_rows(case: Case, dose: float) -> Case:
    """An amount is a third of its standard deviation too large, in a log of 200 rows."""
    column = case.column("amount")
    return _changed(case, column, lambda values: values + dose * case.frames["train"][column].std())


@plant(
    family=FAMILY,
    expects=ANY,
    listed=False,
    doses=(0.5, 0.2, 0.1, 0.05),
    headline=0.5,
    unit="sd",
    on=("taxi", "flights", "diamonds"),
)
def shift(case: Case, dose: float) -> Case:
    """An amount is too large by a part of its standard deviation."""
    column = case.column("amount")
    return _changed(case, column, lambda values: values + dose * case.frames["train"][column].std())


@plant(family=FAMILY, expects=ANY, on=("taxi", "flights"))
def day_from_zero(case: Case) -> Case:
    """Days are counted from 0, not from 1."""
    return _changed(case, case.column("day"), lambda values: values - 1)


@plant(family=FAMILY, expects=ANY, on=("taxi", "flights"))
def month_constant(case: Case) -> Case:
    """The month is the same in each row."""
    return _changed(case, case.column("month"), lambda values: values * 0 + 1)


@plant(family=FAMILY, expects=ANY, listed=False, doses=(1.0, 0.3), unit="share of rows", on=("taxi", "diamonds"))
def trailing_blank(case: Case, dose: float) -> Case:
    """A category arrives with a blank behind it."""
    mask = _part(case, case.frames["serving"], dose)
    return _changed(case, case.column("category"), lambda values: values.where(~mask, values + " "))


@plant(
    family=FAMILY,
    expects=ANY,
    listed=False,
    doses=(0.30, 0.10, 0.03),
    headline=0.10,
    unit="share of rows",
    on=("taxi", "flights", "diamonds"),
)
def category_never_seen(case: Case, dose: float) -> Case:
    """A new value of a category arrives that train has not seen."""
    mask = _part(case, case.frames["serving"], dose)
    return _changed(case, case.column("category"), lambda values: values.mask(mask, "Zenith"))


@plant(family=FAMILY, expects=ANY, listed=False, doses=(1.0, 0.3), unit="share of rows", on=("taxi", "diamonds"))
def amount_in_cents(case: Case, dose: float) -> Case:
    """An amount arrives a hundred times as large."""
    mask = _part(case, case.frames["serving"], dose)
    return _changed(case, case.column("amount"), lambda values: values.where(~mask, values * 100))


@plant(family=FAMILY, expects=ANY, listed=False, on=("taxi", "flights", "diamonds"))
def one_row_repeated(case: Case) -> Case:
    """A cache answers: a third of the serving rows are one and the same."""
    frame = case.frames["serving"]
    third = len(frame) // 3
    return case.with_frame("serving", pd.concat([frame.iloc[third:], frame.iloc[[0] * third]]))


@plant(
    family=FAMILY,
    expects=ANY,
    listed=False,
    doses=(0.5, 0.25, 0.10),
    headline=0.25,
    unit="share of the upper end",
    on=("taxi", "diamonds"),
)
def large_values_dropped(case: Case, dose: float) -> Case:
    """Rows with the largest amounts never arrive."""
    frame, column = case.frames["serving"], case.column("amount")
    return case.with_frame("serving", frame[frame[column] <= frame[column].quantile(1 - dose)])


def _keyed(source: TableSource, seed: int, rows: int | None) -> Case:
    """Half of the serving rows were served and then trained on: train and the log have them by one key."""
    case = assign(source, seed, rows=rows or 15_002)
    case = case.with_column("record_id", lambda frame: [f"r{each:07d}" for each in frame.index])
    again = case.frames["train"].iloc[: len(case.frames["serving"])].drop(columns=source.label)
    return case.with_frame("serving", again).declaring(entity="record_id")


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(0.3, 0.03, 0.01, 0.003, 0.001),
    headline=0.01,
    unit="share of rows",
    listed=False,
    clean=_keyed,
    on=("taxi", "flights", "diamonds"),
)
def other_values_for_the_same_key(case: Case, dose: float) -> Case:
    """The log has, for rows that train has by the same key, an older amount."""
    return _shuffled(case, "amount", dose)


def _drifting(source: TableSource, seed: int, rows: int | None) -> Case:
    """Two spans: the previous one and this."""
    shares = {"train": 0.5, "eval": 0.15, "previous": 0.35}
    return assign(source, seed, shares, rows=rows or 15_002)


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(1.0, 0.5, 0.2),
    headline=0.5,
    unit="sd",
    listed=False,
    clean=_drifting,
    on=("taxi", "diamonds"),
)
def drift_since_the_previous_span(case: Case, dose: float) -> Case:
    """All of this span's amounts are higher than the previous span's."""
    column = case.column("amount")
    step = dose * case.frames["previous"][column].std()
    return case.with_column(column, lambda frame: frame[column] + step, ("train", "eval"))
