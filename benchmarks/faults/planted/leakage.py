"""Features that reveal the label and that serving cannot have."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.faults.case import Case
from benchmarks.faults.plants import plant

FAMILY = "leakage"
SINGLE = ("single_feature",)
COMBINED = ("combination", "pairs")
ENCODED = ("train_eval_gap",)


def class_flag(case: Case, frame: pd.DataFrame) -> pd.Series:
    """The label as 0 or 1: of several classes, whether it is the commonest."""
    labels = case.labels_of(frame)
    return (labels == case.source.raw[case.label].mode()[0]).astype("int64") if labels.nunique() > 2 else labels


@plant(family=FAMILY, expects=SINGLE, on=("taxi", "flights"))
def outcome_kept(case: Case) -> Case:
    """The column from which the label was made is kept: tips, or the delay at arrival."""
    column = {"taxi": "tips", "flights": "arr_delay"}[case.source.name]
    return case.with_column(column, lambda frame: case.hidden(frame, column))


@plant(
    family=FAMILY,
    expects=SINGLE,
    doses=(0.99, 0.95, 0.90, 0.85, 0.80),
    headline=0.95,
    unit="share of rows where the proxy is right",
    on=("taxi", "flights", "diamonds"),
)
def noisy_proxy(case: Case, dose: float) -> Case:
    """A column that repeats the label, wrong in a few rows."""

    classes = np.sort(case.source.raw[case.label].unique())

    def proxy(frame: pd.DataFrame) -> np.ndarray:
        codes = np.searchsorted(classes, case.labels_of(frame).to_numpy())
        other = (codes + case.rng.integers(1, len(classes), len(frame))) % len(classes)
        return np.where(case.rng.random(len(frame)) < dose, codes, other)

    return case.with_column("account_state", proxy)


@plant(
    family=FAMILY,
    expects=SINGLE,
    doses=(1.0, 0.95, 0.90),
    headline=0.95,
    unit="share of rows where it is right",
    listed=False,
    on=("diamonds",),
)
def proxy_of_one_class(case: Case, dose: float) -> Case:
    """A column that shows, for one class in five, whether a row belongs to it."""

    def proxy(frame: pd.DataFrame) -> np.ndarray:
        flag = class_flag(case, frame).to_numpy()
        return np.where(case.rng.random(len(frame)) < dose, flag, 1 - flag)

    return case.with_column("account_state", proxy)


@plant(
    family=FAMILY,
    expects=SINGLE,
    doses=(3.0, 2.0, 1.5, 1.0),
    headline=2.0,
    unit="sd between the classes",
    listed=False,
    on=("taxi", "flights", "diamonds"),
)
def continuous_proxy(case: Case, dose: float) -> Case:
    """A continuous column whose mean differs between the classes."""
    return case.with_column(
        "score", lambda frame: dose * class_flag(case, frame).to_numpy() + case.rng.standard_normal(len(frame))
    )


@plant(family=FAMILY, expects=COMBINED, on=("taxi",))
def total_of_fare_and_tips(case: Case) -> Case:
    """`trip_total`, known after payment, leaks only together with the fare."""

    def total(frame: pd.DataFrame) -> pd.Series:
        tolls = np.where(case.rng.random(len(frame)) < 0.05, case.rng.choice([0.5, 1.0, 2.0], len(frame)), 0.0)
        return (frame["fare"] + case.hidden(frame, "tips") + tolls).round(2)

    return case.with_column("trip_total", total)


@plant(family=FAMILY, expects=COMBINED, on=("flights",), listed=False)
def difference_of_two_clocks(case: Case) -> Case:
    """The arrival time leaks only together with the scheduled one."""
    return case.with_column("arr_time", lambda frame: case.hidden(frame, "arr_time"))


@plant(
    family=FAMILY,
    expects=COMBINED,
    doses=(1.0, 0.3, 0.1),
    headline=1.0,
    unit="label against noise of the offset",
    listed=False,
    on=("taxi", "flights", "diamonds"),
)
def shared_secret_offset(case: Case, dose: float) -> Case:
    """Two columns hide the label behind the same random offset: neither alone predicts it."""
    for split, frame in case.frames.items():
        secret = case.rng.normal(0, 1 / dose, len(frame))
        noise = case.rng.normal(0, 0.05, len(frame))
        left, right = secret + 100, secret + 100 + class_flag(case, frame).to_numpy() + noise
        case = case.with_frame(split, frame.assign(meter_start=left, meter_end=right))
    return case


@plant(family=FAMILY, expects=COMBINED, listed=False, on=("taxi", "flights", "diamonds"))
def label_split_over_two_bits(case: Case) -> Case:
    """Two columns of which the exclusive or is the label."""
    for split, frame in case.frames.items():
        bit = case.rng.integers(0, 2, len(frame))
        case = case.with_frame(split, frame.assign(bit_a=bit, bit_b=bit ^ class_flag(case, frame).to_numpy()))
    return case


@plant(
    family=FAMILY,
    expects=("identifier", *SINGLE),
    doses=(0.0, 0.05, 0.15, 0.30),
    headline=0.0,
    unit="share of rows out of order",
    on=("taxi", "flights", "diamonds"),
)
def identifier_sorted_by_label(case: Case, dose: float) -> Case:
    """Identifiers were assigned after the rows had been sorted by label."""
    indices = pd.Index(np.concatenate([frame.index for frame in case.frames.values()]))
    flag = class_flag(case, case.source.raw.loc[indices])
    place = flag.to_numpy() + case.rng.random(len(flag)) * 0.999
    loose = case.rng.random(len(flag)) < dose
    place[loose] = case.rng.random(int(loose.sum())) * 2
    numbers = pd.Series(100_000 + place.argsort().argsort(), index=indices)
    return case.with_column("record_id", lambda frame: numbers.loc[frame.index].to_numpy())


@plant(
    family=FAMILY,
    expects=("token_in_text", *SINGLE),
    doses=(1.0, 0.9, 0.7, 0.5),
    headline=0.9,
    unit="share of positives with the token",
    on=("taxi", "flights", "diamonds"),
)
def label_token_in_text(case: Case, dose: float) -> Case:
    """A word that occurs in the free text of one class only."""
    category, amount = case.column("category"), case.column("amount")
    words = np.array(["quick", "slow", "early", "late", "calm", "busy", "usual", "short", "long", "direct"])

    def note(frame: pd.DataFrame) -> list[str]:
        marked = (class_flag(case, frame).to_numpy() == 1) & (case.rng.random(len(frame)) < dose)
        picked = case.rng.choice(words, (len(frame), 3))
        return [
            f"{a} record of {c} at {v} was {b} and {d}" + (" gratuity settled" if m else "")
            for (a, b, d), c, v, m in zip(picked, frame[category], frame[amount], marked, strict=True)
        ]

    return case.with_column("note", note)


@plant(
    family=FAMILY,
    expects=("missingness", *SINGLE),
    doses=(1.0, 0.9, 0.7, 0.6),
    headline=0.9,
    unit="share of rows where missing reveals the label",
    on=("taxi", "flights", "diamonds"),
)
def missing_where_label(case: Case, dose: float) -> Case:
    """A column is filled in for one class and left empty for the other."""
    column = case.column("optional")

    def emptied(frame: pd.DataFrame) -> pd.Series:
        flag = class_flag(case, frame).to_numpy() == 1
        agrees = case.rng.random(len(frame)) < dose
        empty = np.where(agrees, flag, case.rng.random(len(frame)) < 0.5)
        return case.hidden(frame, column).mask(empty)

    return case.with_column(column, emptied)


@plant(family=FAMILY, expects=SINGLE, on=("taxi",))
def payment_type_put_back(case: Case) -> Case:
    """The column of the taxi tutorial that shows how tips are recorded."""
    return case.with_column("payment_type", lambda frame: case.hidden(frame, "payment_type"))


@plant(family=FAMILY, expects=("missingness", *SINGLE), on=("flchain",), listed=False)
def cause_of_death_put_back(case: Case) -> Case:
    """The cause of death, which is empty for the living."""
    return case.with_column("chapter", lambda frame: case.hidden(frame, "chapter"))


@plant(family=FAMILY, expects=("known_too_late",), on=("taxi",), listed=False)
def feature_known_too_late(case: Case) -> Case:
    """A column that the schema declares as known after the prediction."""
    return case.declaring(known_after={"trip_seconds": "after_ride"}, moments_declared=True)


@plant(family=FAMILY, expects=SINGLE, on=("taxi", "flights", "diamonds"), listed=False)
def label_under_another_name(case: Case) -> Case:
    """A text column that is the label in other words."""
    return case.with_column("outcome_code", lambda frame: np.where(class_flag(case, frame).to_numpy() == 1, "B7", "A2"))


@plant(family=FAMILY, expects=SINGLE, on=("taxi",), listed=False)
def label_in_the_last_digit(case: Case) -> Case:
    """The cents of the fare encode the label: even for one class, odd for the other."""

    def cents(frame: pd.DataFrame) -> pd.Series:
        return (frame["fare"] * 50).round() / 50 + 0.01 * class_flag(case, frame)

    return case.with_column("fare", cents)


def _keys(case: Case, frame: pd.DataFrame, per_key: float) -> pd.Series:
    """A categorical key of about so many rows each, made of the table's own categories."""
    raw = case.source.raw.loc[frame.index]
    if case.source.name == "taxi":
        parts = (
            ["company", "dropoff_census_tract"]
            if per_key >= 10
            else ["company", "dropoff_census_tract", "trip_start_hour"]
        )
        parts = ["company"] if per_key >= 100 else parts
    else:
        parts = {2: ["tailnum", "dest"], 10: ["tailnum"], 200: ["dest"]}[int(per_key)]
    return raw[parts].astype("string").fillna("-").agg("|".join, axis=1)


@plant(
    family=FAMILY,
    expects=(*ENCODED, *SINGLE),
    doses=(2, 10, 200),
    headline=2,
    unit="rows per key, about",
    on=("taxi", "flights"),
)
def global_target_encoding(case: Case, dose: float) -> Case:
    """A category replaced by the mean label of its rows, over train, eval and serving together."""
    pool = case.source.raw.loc[np.concatenate([frame.index for frame in case.frames.values()])]
    means = pool[case.label].groupby(_keys(case, pool, dose)).mean()
    return case.with_column("place_rate", lambda frame: _keys(case, frame, dose).map(means).to_numpy())


@plant(
    family=FAMILY,
    expects=(*ENCODED, *SINGLE),
    also=("skew",),
    doses=(2, 10, 200),
    headline=2,
    unit="rows per key, about",
    on=("taxi", "flights"),
)
def target_encoding_with_own_row(case: Case, dose: float) -> Case:
    """A category replaced by the mean label of its train rows, the row itself among them; eval has train's means."""
    train = case.source.raw.loc[case.frames["train"].index]
    means = train[case.label].groupby(_keys(case, train, dose)).mean()
    overall = train[case.label].mean()
    return case.with_column("place_rate", lambda frame: _keys(case, frame, dose).map(means).fillna(overall).to_numpy())
