"""Rows, people, times and fitted constants that stand on both sides of a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from benchmarks.faults.case import Case, assign, assign_by, of_parts
from benchmarks.faults.plants import plant
from benchmarks.faults.tables import TableSource

FAMILY = "contamination"
DUPLICATES = ("exact_duplicates",)
NEAR = ("near_duplicate_rows", "exact_duplicates")


def _some(case: Case, frame: pd.DataFrame, count: int) -> np.ndarray:
    return case.rng.choice(len(frame), min(count, len(frame)), replace=False)


def _replaced(case: Case, target: str, copies: pd.DataFrame) -> Case:
    """The case with as many rows of a split replaced by copies, in random places."""
    frame = case.frames[target]
    kept = frame.drop(index=frame.index[_some(case, frame, len(copies))])
    return case.with_frame(target, pd.concat([kept, copies[frame.columns]]).sample(frac=1, random_state=case.rng))


def _drawn(case: Case, share: float, target: str = "eval") -> pd.DataFrame:
    train = case.frames["train"]
    return train.iloc[_some(case, train, round(share * len(case.frames[target])))]


@plant(
    family=FAMILY,
    expects=DUPLICATES,
    doses=(0.10, 0.03, 0.01, 0.003, 0.001),
    headline=0.003,
    unit="share of eval rows",
)
def exact_copies(case: Case, dose: float) -> Case:
    """Train rows stand in eval as well."""
    return _replaced(case, "eval", _drawn(case, dose))


@plant(
    family=FAMILY,
    expects=DUPLICATES,
    doses=(0.10, 0.03, 0.01, 0.003),
    headline=0.03,
    unit="share of eval rows",
    on=("diamonds",),
)
def exact_copies_among_natural_ones(case: Case, dose: float) -> Case:
    """Train rows stand in eval, in a table of which 0.3 % of the rows repeat another one anyway."""
    return _replaced(case, "eval", _drawn(case, dose))


@plant(
    family=FAMILY,
    expects=DUPLICATES,
    also=("label",),
    doses=(0.10, 0.03, 0.01, 0.003),
    headline=0.01,
    unit="share of eval rows",
    listed=False,
)
def copies_with_other_labels(case: Case, dose: float) -> Case:
    """Train rows stand in eval with another label."""
    copies = _drawn(case, dose)
    return _replaced(case, "eval", copies.assign(**{case.label: 1 - copies[case.label]}))


def jittered(case: Case, frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Numbers moved by about 1 % of their own size, in the steps in which the column is written."""
    made = {}
    for name in columns:
        values = frame[name]
        moved = values * (1 + 0.01 * case.rng.standard_normal(len(values)))
        whole = bool((values.dropna() % 1 == 0).all())
        made[name] = moved.round(0 if whole else 2)
    return frame.assign(**made)


@plant(
    family=FAMILY,
    expects=NEAR,
    doses=(0.20, 0.10, 0.05, 0.02, 0.01),
    headline=0.05,
    unit="share of eval rows",
    on=("taxi", "flights", "diamonds"),
)
def near_copies(case: Case, dose: float) -> Case:
    """Train rows stand in eval with amounts, distances and times moved by about 1 %."""
    roles = [role for role in ("amount", "second_amount", "duration") if case.source.has(role)]
    copies = jittered(case, _drawn(case, dose), [case.column(role) for role in roles])
    if case.source.has("clock"):
        clock = case.column("clock")
        copies[clock] = copies[clock] + 900 * case.rng.integers(-1, 2, len(copies))
    return _replaced(case, "eval", copies)


@plant(
    family=FAMILY,
    expects=(*DUPLICATES, "near_duplicate_rows"),
    doses=(1.0, 0.3, 0.1),
    headline=0.3,
    unit="share of numbers",
    listed=False,
    on=("taxi", "diamonds"),
)
def copies_in_other_precision(case: Case, dose: float) -> Case:
    """A tenth of eval are train rows whose floats went through float32 (in this share of them)."""
    copies = _drawn(case, 0.10).copy()
    touched = copies.index[_some(case, copies, round(dose * len(copies)))]
    for name in copies.select_dtypes("float64").columns:
        copies.loc[touched, name] = copies.loc[touched, name].astype("float32").astype("float64")
    return _replaced(case, "eval", copies)


def by_entity(source: TableSource, seed: int, rows: int | None) -> Case:
    """A clean split by the table's entity."""
    return assign_by(source, source.roles["entity"], seed, rows=rows or 15_002).without("serving")


@plant(
    family=FAMILY,
    expects=("entity_overlap",),
    doses=(0.20, 0.05, 0.01, 0.002),
    headline=0.05,
    unit="share of eval rows",
    on=("flights", "taxi", "lectures"),
    clean=by_entity,
)
def entity_overlap(case: Case, dose: float) -> Case:
    """A declared entity has rows in train and in eval: this share of eval rows are other rows of train's entities."""
    train = case.frames["train"]
    moved = train.iloc[_some(case, train, round(dose * len(case.frames["eval"])))]
    return _replaced(case.with_frame("train", train.drop(index=moved.index)), "eval", moved)


@plant(
    family=FAMILY,
    expects=("time_order",),
    doses=(1.0, 0.10, 0.02),
    headline=1.0,
    unit="share of eval rows",
    clean=lambda source, seed, rows: _split_by_time(source, seed, rows),
)
def random_split_of_temporal_data(case: Case, dose: float) -> Case:
    """A split declared to be by time, of which this share of eval rows was drawn from train's own days."""
    train = case.frames["train"]
    moved = train.iloc[_some(case, train, round(dose * len(case.frames["eval"])))]
    return _replaced(case.with_frame("train", train.drop(index=moved.index)), "eval", moved)


def _split_by_time(source: TableSource, seed: int, rows: int | None) -> Case:
    """Earlier rows to train, later ones to eval."""
    assert source.time is not None
    assigned = assign(source, seed, {"train": 1.0}, rows=rows or 15_002)
    index = source.raw.loc[assigned.frames["train"].index, source.time].sort_values(kind="stable").index.to_numpy()
    cut = round(0.8 * len(index))
    parts = {"train": assigned.rng.permutation(index[:cut]), "eval": assigned.rng.permutation(index[cut:])}
    return of_parts(source, parts, assigned.rng).declaring(time=source.time, split_by="time")


@plant(
    family=FAMILY,
    expects=(*DUPLICATES, "repeated_rows"),
    doses=(1.0, 0.3, 0.1, 0.03, 0.01),
    headline=1.0,
    unit="share of minority rows",
)
def oversampling_before_the_split(case: Case, dose: float) -> Case:
    """Rows of the smaller class are doubled, and only then assigned to train and eval."""
    # Serving is left out, because it does differ from an oversampled train.
    case = case.without("serving")
    pool = pd.concat([case.frames["train"], case.frames["eval"]])
    minority = pool[pool[case.label] == pool[case.label].value_counts().idxmin()]
    more = pd.concat([pool, minority.iloc[_some(case, minority, round(dose * len(minority)))]])
    mixed = more.iloc[case.rng.permutation(len(more))]
    cut = round(len(mixed) * 0.8)
    return case.with_frame("train", mixed.iloc[:cut]).with_frame("eval", mixed.iloc[cut:])


# Shift and scale of a column.
Constants = Callable[[pd.Series], tuple[float, float]]

PREPARED = ("standardised_before_split",)


@plant(family=FAMILY, expects=PREPARED, on=("taxi", "flights", "diamonds"), doses=(1.0, 0.3), unit="share of columns")
def scaler_fitted_on_everything(case: Case, dose: float) -> Case:
    """Numeric columns were standardised over train and eval together; serving got the same constants."""
    return _scaled(case, dose, lambda pool: (pool.mean(), pool.std(ddof=0)))


def _largest_in_eval(source: TableSource, seed: int, rows: int | None) -> Case:
    """A random split, but that the rows with the three largest values of three columns are in eval.

    Where train holds every extreme itself, constants of all rows and of train's are the same, and there is no fault.
    """
    case = assign(source, seed, rows=rows or 15_002)
    pool = pd.concat([case.frames["train"], case.frames["eval"]])
    top = pd.Index([])
    for name in _measured(case)[:3]:
        top = top.union(pool[name].nlargest(3).index)
    train = case.frames["train"].index.difference(top, sort=False)
    held_out = case.frames["eval"].index.union(top, sort=False)
    return case.with_frame("train", pool.loc[train]).with_frame("eval", pool.loc[held_out])


@plant(
    family=FAMILY,
    expects=PREPARED,
    also=("value_range",),
    on=("taxi", "flights", "diamonds"),
    listed=False,
    clean=_largest_in_eval,
)
def min_max_fitted_on_everything(case: Case) -> Case:
    """Numeric columns were brought to 0 … 1 over train and eval together, and eval holds the largest values."""
    return _scaled(case, 1.0, lambda pool: (pool.min(), pool.max() - pool.min()))


def _measured(case: Case) -> list[str]:
    """Numbers that are measured, not coded."""
    train = case.frames["train"]
    numeric = train.select_dtypes("number").columns.drop(case.label, errors="ignore")
    return [name for name in numeric if train[name].nunique() > 20]


def _scaled(case: Case, dose: float, constants: Constants, over: Sequence[str] = ("train", "eval")) -> Case:
    numeric = _measured(case)
    for name in numeric[: max(1, round(dose * len(numeric)))]:
        pool = pd.concat([case.frames[split][name] for split in over])
        shift, scale = constants(pool)
        case = case.with_column(name, lambda frame, n=name, a=shift, b=scale: (frame[n] - a) / b)
    return case


@plant(family=FAMILY, expects=PREPARED, on=("taxi", "flights"), listed=False)
def scaler_fitted_on_the_whole_file(case: Case) -> Case:
    """Numeric columns were standardised in one file, of which train, eval and the serving log were then cut."""
    return _scaled(case, 1.0, lambda pool: (pool.mean(), pool.std(ddof=0)), ("train", "eval", "serving"))


@plant(family=FAMILY, expects=PREPARED, also=("leakage",), on=("chile",), listed=False, rows=2_700)
def published_in_standard_units(case: Case) -> Case:
    """One column of a survey was standardised over all rows before the survey was published."""
    return case


@plant(family=FAMILY, expects=("analysers_read_train_only",), on=("taxi",))
def analysers_read_eval(case: Case) -> Case:
    """Transform's analysers were configured to read train and eval."""
    return case.declaring(analysed_splits=("train", "eval"))


@plant(family=FAMILY, expects=("who_read_test",), on=("taxi",))
def tuner_reads_test(case: Case) -> Case:
    """The Tuner read the test split."""
    readers = {"train": ("Transform", "Tuner", "Trainer"), "eval": ("Tuner", "Trainer"), "test": ("Tuner", "Evaluator")}
    return (
        case.with_frame("test", case.frames["eval"].iloc[:1000])
        .with_frame("eval", case.frames["eval"].iloc[1000:])
        .declaring(readers_of=readers)
    )


@plant(family=FAMILY, expects=(*DUPLICATES, "near_duplicate_rows"), listed=False, on=("taxi", "flights", "diamonds"))
def eval_is_part_of_train(case: Case) -> Case:
    """Eval was cut from the file that train was trained on."""
    train = case.frames["train"]
    return case.with_frame("eval", train.iloc[_some(case, train, len(case.frames["eval"]))])


@plant(
    family=FAMILY, expects=DUPLICATES, listed=False, doses=(0.10, 0.01, 0.003), headline=0.01, unit="share of test rows"
)
def copies_in_test_alone(case: Case, dose: float) -> Case:
    """Train rows stand in test, eval is sound."""
    half = len(case.frames["eval"]) // 2
    test, rest = case.frames["eval"].iloc[:half], case.frames["eval"].iloc[half:]
    case = case.with_frame("eval", rest).with_frame("test", test)
    return _replaced(case, "test", _drawn(case, dose, "test"))
