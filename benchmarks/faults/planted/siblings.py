"""Leaks that stand in several columns, each of which is the best of the others for its sibling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.faults.case import Case
from benchmarks.faults.planted.leakage import class_flag
from benchmarks.faults.plants import plant

FAMILY = "leakage"
SINGLE = ("single_feature",)
ON = ("taxi", "flights", "diamonds")
TWO = ("taxi", "flights")


def _is_positive(case: Case, frame: pd.DataFrame) -> np.ndarray:
    return (class_flag(case, frame) == 1).to_numpy()


def _has_amount(case: Case, frame: pd.DataFrame, dose: float) -> np.ndarray:
    """The positives, but for this share of them."""
    return _is_positive(case, frame) & (case.rng.random(len(frame)) >= dose)


def _nearly_positive(case: Case, frame: pd.DataFrame, dose: float) -> np.ndarray:
    """Whether a row is positive, right in this share of the rows."""
    return _is_positive(case, frame) ^ (case.rng.random(len(frame)) >= dose)


def _with_columns(case: Case, made: Callable[[pd.DataFrame], dict[str, np.ndarray]]) -> Case:
    for split, frame in case.frames.items():
        case = case.with_frame(split, frame.assign(**made(frame)))
    return case


@plant(
    family=FAMILY,
    expects=SINGLE,
    doses=(0.0, 0.02, 0.05, 0.10),
    headline=0.02,
    unit="share of positives that have none either",
    listed=False,
    on=ON,
)
def amount_and_its_share(case: Case, dose: float) -> Case:
    """An amount that the one class alone has, and its share of another column."""
    base = case.column("second_amount")

    def made(frame: pd.DataFrame) -> dict[str, np.ndarray]:
        has = _has_amount(case, frame, dose)
        amount = np.where(has, case.rng.lognormal(5, 1, len(frame)), 0.0).round(2)
        return {"spent": amount, "spent_share": ((amount + 0.1) / (frame[base].fillna(0).to_numpy() + 1)).round(6)}

    return _with_columns(case, made)


@plant(
    family=FAMILY,
    expects=SINGLE,
    doses=(0.0, 0.02, 0.05, 0.10),
    headline=0.02,
    unit="share of positives that have none either",
    listed=False,
    on=ON,
)
def hours_and_wages(case: Case, dose: float) -> Case:
    """Two amounts that are no function of each other, and that the one class alone has."""

    def made(frame: pd.DataFrame) -> dict[str, np.ndarray]:
        has = _has_amount(case, frame, dose)
        hours = np.where(has, case.rng.normal(1_300, 600, len(frame)).clip(12), 0.0).round()
        return {"hours": hours, "wages": np.where(has, case.rng.lognormal(1.2, 0.5, len(frame)), 0.0).round(2)}

    return _with_columns(case, made)


@plant(
    family=FAMILY,
    expects=SINGLE,
    doses=(1.0, 0.999, 0.997, 0.99),
    headline=0.999,
    unit="share of rows on the right side",
    listed=False,
    on=ON,
)
def cut_beside_its_measurement(case: Case, dose: float) -> Case:
    """The label is a cut of a column, beside which the same quantity stands as another instrument measured it."""

    def made(frame: pd.DataFrame) -> dict[str, np.ndarray]:
        side = np.where(_nearly_positive(case, frame, dose), 1.0, -1.0)
        weeks = 37 + side * np.abs(case.rng.normal(0, 3, len(frame)))
        return {"weeks": weeks, "weeks_by_scan": weeks + case.rng.normal(0, 0.3, len(frame))}

    return _with_columns(case, made)


@plant(family=FAMILY, expects=SINGLE, listed=False, on=TWO)
def late_columns_put_back_together(case: Case) -> Case:
    """All columns that are known too late are kept: tips and their rate, or the delays at departure and arrival."""
    if case.source.name == "flights":
        return _with_columns(
            case, lambda frame: {n: case.hidden(frame, n).to_numpy() for n in ("dep_delay", "arr_delay")}
        )

    def made(frame: pd.DataFrame) -> dict[str, np.ndarray]:
        tips = case.hidden(frame, "tips").to_numpy()
        return {"tips": tips, "tip_rate": (tips / frame["fare"].replace(0, np.nan).to_numpy()).round(4)}

    return _with_columns(case, made)


@plant(
    family=FAMILY,
    expects=SINGLE,
    doses=(0.98, 0.95, 0.90),
    headline=0.98,
    unit="share of rows where the proxy is right",
    listed=False,
    on=TWO,
)
def proxy_in_three_forms(case: Case, dose: float) -> Case:
    """A column that nearly repeats the label, its code and its name, each wrong in the same rows."""
    names = np.array(["closed", "open"])

    def made(frame: pd.DataFrame) -> dict[str, np.ndarray]:
        state = _nearly_positive(case, frame, dose)
        weight = np.where(state, 20.0, 5.0) + case.rng.normal(0, 1, len(frame))
        return {"state": state.astype("int64"), "state_name": names[state.astype(int)], "state_weight": weight}

    return _with_columns(case, made)
