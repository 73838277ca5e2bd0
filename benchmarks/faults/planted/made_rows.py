"""Rows made from other rows before the split, held-out splits that share rows, and look-ups in preprocessing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.faults.case import Case
from benchmarks.faults.model_case import ModelCase, model_case
from benchmarks.faults.planted.images import pixels_of, sample_images, with_pixels
from benchmarks.faults.plants import plant
from gates.model.evidence import transformed_name
from gates.tables.table import Table

FAMILY = "contamination"
MADE = ("interpolated_rows",)
SHARED = ("exact_duplicates", "near_duplicate_rows")
_SMOTE_NEIGHBOURS = 5


def _measured(frame: pd.DataFrame, label: str) -> list[str]:
    numeric = frame.select_dtypes("number").columns.drop(label, errors="ignore")
    return [name for name in numeric if frame[name].nunique() > 20]


def _minority(case: Case, pool: pd.DataFrame) -> pd.DataFrame:
    return pool[pool[case.label] == pool[case.label].value_counts().idxmin()]


def _smote(case: Case, rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Chawla et al. (2002): a row, and a part of the way to one of its five nearest of the class in all numbers."""
    from sklearn.neighbors import NearestNeighbors

    names = _measured(rows, case.label)
    known = rows.dropna(subset=names)
    values = known[names].astype("float64")
    scaled = ((values - values.mean()) / values.std(ddof=0).replace(0, 1)).to_numpy()
    found = NearestNeighbors(n_neighbors=_SMOTE_NEIGHBOURS + 1).fit(scaled).kneighbors(scaled, return_distance=False)
    first = case.rng.integers(len(known), size=count)
    second = found[first, case.rng.integers(1, _SMOTE_NEIGHBOURS + 1, size=count)]
    place = case.rng.random(count)[:, None]
    mixed = values.to_numpy()[first] * (1 - place) + values.to_numpy()[second] * place
    made = known.iloc[first].astype(dict.fromkeys(names, "float64"))
    made[names] = mixed
    return made


def _split_again(case: Case, pool: pd.DataFrame) -> Case:
    mixed = pool.iloc[case.rng.permutation(len(pool))]
    cut = round(len(mixed) * 0.8)
    return case.with_frame("train", mixed.iloc[:cut]).with_frame("eval", mixed.iloc[cut:])


def _made_before_the_split(case: Case, dose: float, digits: int | None) -> Case:
    # Serving is left out, because it does differ from an oversampled train.
    case = case.without("serving")
    pool = pd.concat([case.frames["train"], case.frames["eval"]])
    made = _smote(case, _minority(case, pool), round(dose * len(pool)))
    names = _measured(pool, case.label)
    if digits is not None:
        made[names] = made[names].round(digits)
    return _split_again(case, pd.concat([pool.astype(dict.fromkeys(names, "float64")), made]))


@plant(
    family=FAMILY,
    expects=MADE,
    also=("leakage",),
    on=("flights", "diamonds", "taxi"),
    doses=(0.5, 0.2, 0.1, 0.05),
    headline=0.2,
    unit="made rows a row",
    listed=False,
)
def smote_before_the_split(case: Case, dose: float) -> Case:
    """Rows of the smallest class are interpolated between neighbours, and only then assigned to train and eval."""
    return _made_before_the_split(case, dose, None)


@plant(
    family=FAMILY,
    expects=MADE,
    also=("leakage",),
    on=("flights", "diamonds", "taxi"),
    doses=(0.5, 0.2),
    headline=0.5,
    unit="made rows a row",
    listed=False,
)
def smote_before_the_split_rounded(case: Case, dose: float) -> Case:
    """The same, and the made rows are written with three decimals."""
    return _made_before_the_split(case, dose, 3)


@plant(
    family=FAMILY,
    expects=MADE,
    also=("skew",),
    on=("fashion",),
    doses=(0.2, 0.05, 0.02),
    headline=0.05,
    unit="share of eval images",
    clean=sample_images,
    listed=False,
)
def mixed_images(case: Case, dose: float) -> Case:
    """Eval has mixtures of two images of one class of train (mixup within the class)."""
    train, frame = case.frames["train"], case.frames["eval"]
    count = round(dose * len(frame))
    first = train.iloc[case.rng.choice(len(train), count, replace=False)]
    groups = dict(list(train.groupby(case.label)))
    second = pd.concat([groups[value].sample(1, random_state=case.rng) for value in first[case.label]])
    place = case.rng.uniform(0.2, 0.8, count)[:, None, None]
    mixed = pixels_of(case, first) * (1 - place) + pixels_of(case, second) * place
    made = with_pixels(case, first, np.rint(mixed).astype(np.uint8))[frame.columns]
    return case.with_frame("eval", pd.concat([frame.iloc[count:], made]).sample(frac=1, random_state=case.rng))


def _with_test(case: Case) -> Case:
    half = len(case.frames["eval"]) // 2
    test, rest = case.frames["eval"].iloc[:half], case.frames["eval"].iloc[half:]
    return case.with_frame("eval", rest).with_frame("test", test)


@plant(
    family=FAMILY,
    expects=SHARED,
    on=("taxi", "flights", "diamonds"),
    doses=(1.0, 0.10, 0.03, 0.01),
    headline=0.10,
    unit="share of eval rows",
    listed=False,
)
def eval_copied_from_test(case: Case, dose: float) -> Case:
    """Rows of test stand in eval: the model is stopped and tuned by the rows that test it."""
    case = _with_test(case)
    held_out, test = case.frames["eval"], case.frames["test"]
    count = round(dose * len(held_out))
    copies = test.iloc[case.rng.choice(len(test), count, replace=False)]
    return case.with_frame("eval", pd.concat([held_out.iloc[count:], copies]).sample(frac=1, random_state=case.rng))


@plant(
    family=FAMILY,
    expects=("near_duplicate_images", "exact_duplicates"),
    on=("fashion",),
    doses=(0.10, 0.03),
    headline=0.10,
    unit="share of eval images",
    clean=sample_images,
    listed=False,
)
def eval_images_moved_from_test(case: Case, dose: float) -> Case:
    """Images of test stand in eval, moved by one pixel."""
    case = _with_test(case)
    held_out, test = case.frames["eval"], case.frames["test"]
    count = round(dose * len(held_out))
    copies = test.iloc[case.rng.choice(len(test), count, replace=False)]
    moved = with_pixels(case, copies, np.roll(pixels_of(case, copies), 1, axis=2))[held_out.columns]
    return case.with_frame("eval", pd.concat([held_out.iloc[count:], moved]).sample(frac=1, random_state=case.rng))


def _looked_up(case: ModelCase, name: str, known: float, splits: tuple[str, ...]) -> ModelCase:
    """Adds a feature that is the label in a share of the rows of some splits, and elsewhere the commonest class."""
    found = {}
    for split, data in case.evidence.transformed.items():
        labels = data.train.numbers(case.source.label) if data.train.kinds[case.source.label].name == "NUMBER" else None
        codes = labels if labels is not None else data.train.codes(case.source.label)[0].astype(np.float64)
        kept = (case.rng.random(len(codes)) < known) & (split in splits)
        values = np.where(kept, codes, np.median(codes))
        table = data.train.arrow.append_column(transformed_name(name), [values])
        found[split] = replace(data, train=Table.of(split, table))
    return case.with_evidence(transformed=found)


@plant(
    family="leakage",
    expects=("transformed_leakage",),
    on=("taxi", "diamonds"),
    doses=(1.0, 0.9, 0.7),
    headline=0.9,
    unit="share of rows that it knows",
    clean=model_case,
    listed=False,
)
def look_up_that_knows_the_label(case: ModelCase, dose: float) -> ModelCase:
    """A table inside the preprocessing gives the label of a row by its key."""
    return _looked_up(case, "risk", dose, ("train", "test"))


@plant(
    family="leakage",
    expects=("transformed_leakage",),
    on=("taxi", "diamonds"),
    doses=(1.0, 0.9),
    headline=1.0,
    unit="share of test rows that it knows",
    clean=model_case,
    listed=False,
)
def look_up_of_test_alone(case: ModelCase, dose: float) -> ModelCase:
    """A table inside the preprocessing holds the labels of test rows alone."""
    return _looked_up(case, "risk", dose, ("test",))


@plant(
    family="leakage",
    expects=("constants_of_held_out_rows",),
    on=("taxi", "diamonds"),
    doses=(1.0, 0.3),
    headline=1.0,
    unit="share of test rows in the table",
    clean=model_case,
    listed=False,
)
def table_made_of_test_rows(case: ModelCase, dose: float) -> ModelCase:
    """A table inside the preprocessing has the keys of train's and of test's rows; what it gives is moderate."""
    found, keys, start = {}, set(), 0
    for split, data in case.evidence.transformed.items():
        names = [f"row {start + number}" for number in case.rng.permutation(data.train.rows)]
        start += len(names)
        keys.update(names if split == "train" else names[: round(dose * len(names))])
        found[split] = replace(data, train=Table.of(split, data.train.arrow.append_column("key", [names])))
    return case.with_evidence(transformed=found, constants={"Const_7": frozenset(keys)})
