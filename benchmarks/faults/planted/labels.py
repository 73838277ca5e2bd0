"""Labels of another rate, of other rows, or wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.faults.case import Case
from benchmarks.faults.plants import plant

FAMILY = "label"
# Any check of the kind; features that depend on the label shift as well when rows are drawn by label.
ANY = ("label",)


@plant(
    family=FAMILY,
    expects=ANY,
    also=("skew",),
    doses=(2.1, 1.6, 1.3, 1.15),
    headline=2.1,
    unit="times the rate",
    on=("taxi", "flights"),
)
def another_label_rate(case: Case, dose: float) -> Case:
    """Eval was drawn with more positives than train: .22 against .46 on the taxi rows."""
    frame = case.frames["eval"]
    flag = frame[case.label] == 1
    odds = dose * flag.mean() / (1 - dose * flag.mean()) if dose * flag.mean() < 0.9 else 9.0
    kept_negative = min(len(frame) - flag.sum(), round(flag.sum() / odds))
    negatives = frame[~flag].iloc[:kept_negative]
    return case.with_frame("eval", pd.concat([frame[flag], negatives]).sample(frac=1, random_state=case.rng))


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(1.0, 0.6, 0.3),
    headline=1.0,
    unit="share of rows",
    on=("taxi", "flights", "diamonds"),
)
def labels_of_other_rows(case: Case, dose: float) -> Case:
    """Eval's labels were joined to the wrong rows, at an unchanged rate."""
    frame = case.frames["eval"]
    labels = frame[case.label].to_numpy().copy()
    moved = case.rng.choice(len(frame), round(dose * len(frame)), replace=False)
    labels[moved] = case.rng.permutation(labels[moved])
    return case.with_frame("eval", frame.assign(**{case.label: labels}))


@plant(
    family=FAMILY,
    expects=ANY,
    doses=(0.30, 0.15, 0.10, 0.05),
    headline=0.15,
    unit="share of rows",
    on=("taxi", "flights"),
)
def noisy_labels(case: Case, dose: float) -> Case:
    """Labels of eval are wrong at random."""
    frame = case.frames["eval"]
    wrong = case.rng.random(len(frame)) < dose
    return case.with_frame(
        "eval", frame.assign(**{case.label: np.where(wrong, 1 - frame[case.label], frame[case.label])})
    )


@plant(family=FAMILY, expects=ANY, on=("taxi", "flights"), listed=False)
def labels_inverted(case: Case) -> Case:
    """0 means yes in eval and no in train."""
    frame = case.frames["eval"]
    return case.with_frame("eval", frame.assign(**{case.label: 1 - frame[case.label]}))


@plant(family=FAMILY, expects=("classes_in_train",), also=("skew",), on=("taxi", "flights"), listed=False)
def train_of_one_class(case: Case) -> Case:
    """Train has no row with the label 1; eval has a few."""
    train, held_out = case.frames["train"], case.frames["eval"]
    rare = held_out[held_out[case.label] == 1].iloc[:3]
    few = pd.concat([held_out[held_out[case.label] == 0], rare])
    return case.with_frame("train", train[train[case.label] == 0]).with_frame("eval", few)


@plant(family=FAMILY, expects=ANY, also=("skew",), on=("diamonds",), listed=False)
def class_absent_from_train(case: Case) -> Case:
    """Train has no row of a class that eval has."""
    train = case.frames["train"]
    return case.with_frame("train", train[train[case.label] != "Very Good"])


@plant(family=FAMILY, expects=ANY, on=("diamonds",), listed=False)
def two_classes_exchanged(case: Case) -> Case:
    """Two classes of eval have each other's name."""
    frame = case.frames["eval"]
    names = {"Ideal": "Premium", "Premium": "Ideal"}
    return case.with_frame("eval", frame.assign(**{case.label: frame[case.label].replace(names)}))
