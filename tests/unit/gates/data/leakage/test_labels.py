"""Target encodings fitted on held-out rows, labels that differ from train's, and wrong labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn import datasets

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.leakage.encodings import encodings
from gates.data.leakage.labels import eval_labels_disagree
from gates.tables.table import Table
from gates.verdict.finding import Finding, Severity
from tests.samples.leakage import findings_of
from tests.samples.skew import LABEL, assigned, data_of, rides

CHECKS = ("train_eval_gap", "eval_labels_disagree", "shuffled_labels", "label_noise")
SIZES = (5_000, 1_500)
WITHHELD = ["tips", "payment_type"]


def alarms_of(data: Data) -> list[Finding]:
    """What these checks warn of or refuse."""
    return [each for each in findings_of(data, *CHECKS) if each.severity is not Severity.INFO]


def kinds(data: Data) -> set[tuple[str, str]]:
    """Check and severity of the findings."""
    return {(each.check, each.severity.value) for each in alarms_of(data)}


def taxi(seed: int = 0, sizes: tuple[int, ...] = SIZES) -> list[pd.DataFrame]:
    return assigned(sizes, seed, rides().drop(columns=WITHHELD))


def table(name: str) -> pd.DataFrame:
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame.rename(columns={"target": LABEL})


def halves(frame: pd.DataFrame, seed: int) -> list[pd.DataFrame]:
    return assigned((int(0.7 * len(frame)), len(frame) - int(0.7 * len(frame))), seed, frame)


def means(level: pd.Series, fitted_on: pd.DataFrame, by: str, weight: float = 0.0) -> np.ndarray:
    """A target encoding as people write it: (sum + weight * prior) / (rows + weight), the prior where unseen."""
    prior = fitted_on[LABEL].mean()
    groups = fitted_on.groupby(by)[LABEL]
    encoded = (groups.sum() + weight * prior) / (groups.count() + weight)
    return level.map(encoded).fillna(prior).to_numpy()


def with_levels(frame: pd.DataFrame) -> pd.DataFrame:
    """A category of many values, hour by area, that tells little."""
    return frame.assign(
        block=frame.pickup_community_area.fillna(0).astype(int) * 10_000
        + frame.trip_start_hour * 100
        + frame.trip_start_month
    )


def encoded(how: str, seed: int = 0, by: str = "block", weight: float = 0.0, keep: bool = True) -> Data:
    train, held_out = (with_levels(frame) for frame in taxi(seed))
    both = pd.concat([train, held_out])
    fitted = {"global": (both, both), "train": (train, train), "each": (train, held_out)}
    if how == "out of fold":
        fold = np.random.default_rng(seed).integers(0, 5, len(train))
        value = np.zeros(len(train))
        for number in range(5):
            rest = train[fold != number]
            value[fold == number] = means(train[fold == number][by], rest, by, weight)
        values = (value, means(held_out[by], train, by, weight))
    else:
        on_train, on_held_out = fitted[how]
        values = (means(train[by], on_train, by, weight), means(held_out[by], on_held_out, by, weight))
    train, held_out = train.assign(rate=values[0]), held_out.assign(rate=values[1])
    dropped = [name for name in ("block", by) if name in train and (name == "block" or not keep)]
    return data_of(train.drop(columns=dropped), Declared(label=LABEL), eval=held_out.drop(columns=dropped))


@pytest.mark.parametrize(
    ("by", "weight"), [("company", 0.0), ("company", 12.5), ("block", 0.0), ("trip_start_hour", 5.0)]
)
def test_refuses_means_of_the_label_over_train_and_eval(by: str, weight: float) -> None:
    found = alarms_of(encoded("global", by=by, weight=weight))
    assert {(each.check, each.subject) for each in found} == {("train_eval_gap", "rate")}
    assert found[0].p_value is None
    assert "over train and eval, not over train" in found[0].reason
    assert found[0].sample is not None


def test_refuses_them_when_the_category_was_dropped() -> None:
    assert "rate" in encodings(encoded("global", by="company", keep=False), "eval")


def test_refuses_means_over_eval_alone() -> None:
    assert encodings(encoded("each", by="trip_start_hour"), "eval")["rate"].over == "eval alone"


def test_refuses_means_over_all_rows_when_the_serving_rows_lost_their_labels() -> None:
    frame = rides().drop(columns=WITHHELD)
    frame["rate"] = means(frame.trip_start_hour, frame, "trip_start_hour")
    train, held_out, serving = assigned((10_000, 2_500, 2_502), 0, frame)
    data = data_of(train, Declared(label=LABEL), eval=held_out, serving=serving.drop(columns=[LABEL]))
    assert "rows without a label" in encodings(data, "eval")["rate"].over


def test_refuses_means_over_all_rows_when_a_few_rows_are_gone() -> None:
    frame = rides().drop(columns=WITHHELD)
    frame["rate"] = means(frame.trip_start_hour, frame, "trip_start_hour")
    train, held_out = assigned((11_000, 4_000), 0, frame)
    assert "rate" in encodings(data_of(train, Declared(label=LABEL), eval=held_out), "eval")
    frame["day"] = frame.trip_start_hour * 10 + frame.trip_start_day
    frame["rate"] = means(frame.day, frame, "day")
    train, held_out = assigned((11_000, 3_950), 0, frame)
    assert "rate" in encodings(data_of(train, Declared(label=LABEL), eval=held_out), "eval")


def test_refuses_an_encoding_that_saw_its_own_row_in_train() -> None:
    found = alarms_of(encoded("train"))
    assert {(each.check, each.subject) for each in found} == {("train_eval_gap", "rate")}
    assert "in train (out of fold)" in found[0].reason
    assert found[0].chart is not None and found[0].chart.marked == "rate"


@pytest.mark.parametrize("how", ["train", "out of fold"])
@pytest.mark.parametrize("by", ["company", "trip_start_hour"])
def test_passes_correct_encodings(how: str, by: str) -> None:
    for seed in range(3):
        assert not encodings(encoded(how, seed, by, weight=seed * 10.0), "eval")


def test_passes_an_encoding_of_many_levels_made_out_of_fold() -> None:
    assert not alarms_of(encoded("out of fold", 1))


def test_passes_rates_that_come_from_elsewhere() -> None:
    rates = np.random.default_rng(0).random(24)
    for decimals in (1, 2, 9):
        train, held_out = (each.assign(rate=rates.round(decimals)[each.trip_start_hour]) for each in taxi())
        assert not encodings(data_of(train, Declared(label=LABEL), eval=held_out), "eval")


@pytest.mark.parametrize("name", ["taxi", "breast_cancer", "diabetes", "digits"])
def test_refuses_eval_labels_of_other_rows(name: str) -> None:
    train, held_out = taxi(1) if name == "taxi" else halves(table(name), 1)
    held_out[LABEL] = np.random.default_rng(1).permutation(held_out[LABEL])
    found = alarms_of(data_of(train, Declared(label=LABEL), eval=held_out))
    assert {(each.check, each.subject, each.severity) for each in found} == {
        ("eval_labels_disagree", "eval", Severity.BLOCK)
    }


def test_refuses_flipped_eval_labels() -> None:
    train, held_out = taxi(2)
    held_out[LABEL] = 1 - held_out[LABEL]
    assert kinds(data_of(train, Declared(label=LABEL), eval=held_out)) == {("eval_labels_disagree", "block")}


def test_warns_at_most_when_eval_is_later() -> None:
    train, held_out = taxi(2)
    held_out = held_out.assign(
        trip_start_timestamp=held_out.trip_start_timestamp + 10**9, **{LABEL: 1 - held_out[LABEL]}
    )
    declared = Declared(label=LABEL, time="trip_start_timestamp")
    assert {each.severity for each in alarms_of(data_of(train, declared, eval=held_out))} == {Severity.WARN}


def test_passes_a_split_by_entities_that_differ() -> None:
    frame = rides().drop(columns=WITHHELD)
    frame = frame[frame.company.notna()].sample(6_000, random_state=0)
    companies = np.random.default_rng(0).permutation(sorted(frame.company.unique()))
    apart = frame.company.isin(companies[: len(companies) // 3])
    data = data_of(frame[~apart], Declared(label=LABEL, entity="company"), eval=frame[apart])
    assert not [each for each in alarms_of(data) if each.severity is Severity.BLOCK]


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits"])
def test_passes_honest_tables(name: str) -> None:
    frame = table(name)
    for train, held_out in (halves(frame, 0), assigned((40, 20), 1, frame)):
        assert not alarms_of(data_of(train, Declared(label=LABEL), eval=held_out))


def test_passes_honest_taxi_rows() -> None:
    train, held_out = taxi(5)
    assert not alarms_of(data_of(train, Declared(label=LABEL), eval=held_out))


def test_copies_in_train_are_no_skill() -> None:
    train, held_out = taxi(3)
    positives = train[train[LABEL] == 1]
    data = data_of(pd.concat([train, positives, positives]), Declared(label=LABEL), eval=held_out)
    assert not [each for each in alarms_of(data) if each.severity is Severity.BLOCK]


@pytest.mark.parametrize("name", ["breast_cancer", "digits"])
def test_warns_of_wrong_labels_where_the_classes_are_clear(name: str) -> None:
    train, held_out = halves(table(name), 0)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(train)) < 0.15
    train.loc[wrong, LABEL] = (train.loc[wrong, LABEL] + 1) % (train[LABEL].max() + 1)
    found = [
        each for each in alarms_of(data_of(train, Declared(label=LABEL), eval=held_out)) if each.check == "label_noise"
    ]
    assert [each.severity for each in found] == [Severity.WARN]
    assert found[0].sample is not None and len(found[0].sample.rows) == 5


@pytest.mark.parametrize("seed", range(3))
def test_hard_rows_are_no_wrong_labels(seed: int) -> None:
    # Right labels of which the features leave every sixth open, most of them between the classes.
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2.0, 6_000)
    frame = pd.DataFrame({"x": x, "z": rng.normal(size=6_000), LABEL: (rng.random(6_000) < 1 / (1 + np.exp(-1.3 * x)))})
    found = findings_of(data_of(frame, Declared(label=LABEL)), "label_noise")
    assert [each.severity for each in found] == [Severity.INFO]


@pytest.mark.parametrize("seed", range(2))
def test_labels_that_weak_features_leave_open_are_no_wrong_labels(seed: int) -> None:
    # Right labels that are drawn with chances between a quarter and three quarters.
    rng = np.random.default_rng(seed)
    age, visits = rng.uniform(18, 80, 1_000), rng.poisson(3, 1_000)
    chances = np.interp(age, [35, 60], [0.28, 0.72])
    frame = pd.DataFrame({"age": age, "visits": visits, LABEL: rng.random(1_000) < chances})
    found = findings_of(data_of(frame, Declared(label=LABEL)), "label_noise")
    assert [each.severity for each in found] == [Severity.INFO]


def test_shuffled_labels_say_what_chance_gives() -> None:
    found = findings_of(data_of(taxi()[0], Declared(label=LABEL)), "shuffled_labels")
    assert [each.severity for each in found] == [Severity.INFO]
    assert 0.4 < found[0].value < 0.55


@pytest.mark.parametrize(
    "labels", [[0] * 60, [0] * 57 + [1] * 3, [None] * 60, [float("inf")] * 30 + [1.0] * 30, ["a", None] * 30]
)
def test_answers_on_odd_labels(labels: list[object]) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60), "z": [None] * 60, "w": [float("inf")] * 60, LABEL: labels})
    train, held_out = assigned((40, 20), 0, frame)
    assert not alarms_of(data_of(train, Declared(label=LABEL), eval=held_out))
    assert not alarms_of(data_of(train, Declared(label=LABEL), eval=held_out.head(0)))
    assert not alarms_of(data_of(train, Declared(label=LABEL), eval=held_out.head(1)))


def test_says_the_same_whatever_the_order_of_rows() -> None:
    train, held_out = taxi(4)
    held_out[LABEL] = np.random.default_rng(1).permutation(held_out[LABEL])
    train, held_out = train.head(2_000), held_out.head(800)
    mixed = data_of(
        train.sample(frac=1, random_state=1), Declared(label=LABEL), eval=held_out.sample(frac=1, random_state=2)
    )
    assert findings_of(data_of(train, Declared(label=LABEL), eval=held_out), *CHECKS) == findings_of(mixed, *CHECKS)


def answered(seed: int, wrong_in: str | None, classes: int = 5) -> dict[str, float]:
    """Blobs with one label in ten wrong in one table; the answers' measurement by its subject."""
    rng = np.random.default_rng(seed)
    tables = {}
    for name, rows in (("train", 4_000), ("eval", 1_500)):
        label = rng.integers(0, classes, rows)
        columns = {f"x{i}": label * (i + 1) % classes + rng.normal(scale=0.8, size=rows) for i in range(4)}
        if name == wrong_in:
            wrong = rng.random(rows) < 0.1
            label = np.where(wrong, (label + rng.integers(1, classes, rows)) % classes, label)
        tables[name] = Table.of(name, pa.table({**columns, "label": label}))
    data = Data(tables["train"], {"eval": tables["eval"]}, declared=Declared(label="label"))
    found = [each for each in eval_labels_disagree(data, 0.05) if each.statistic.startswith("share of answers")]
    return {each.subject: each.value if each.is_beyond and (each.p_value or 0) < 1e-5 else 0.0 for each in found}


@pytest.mark.parametrize("seed", range(3))
def test_one_wrong_label_in_ten_is_seen_in_whichever_table_it_is(seed: int) -> None:
    assert answered(seed, "eval") == {"eval": pytest.approx(0.09, abs=0.03)}
    assert answered(seed, "train") == {"train against eval": pytest.approx(0.09, abs=0.03)}
    assert set(answered(seed, None).values()) == {0.0}


def test_a_held_out_table_without_one_of_two_classes_is_no_disagreement() -> None:
    rng = np.random.default_rng(5)
    tables = {}
    for name, rows, positives in (("train", 240, 4), ("eval", 45, 0)):
        label = np.zeros(rows, int)
        label[:positives] = 1
        tables[name] = Table.of(
            name, pa.table({"x": label * 6 + rng.normal(size=rows), "z": rng.normal(size=rows), "label": label})
        )
    assert not findings_of(Data(tables["train"], {"eval": tables["eval"]}, declared=Declared(label="label")))


@pytest.mark.parametrize("seed", range(3))
def test_an_offer_that_each_seller_makes_once_is_no_disagreement(seed: int) -> None:
    """Equal rows have different labels throughout: what one seller alone offers is easier, on both sides."""
    rng = np.random.default_rng(seed)
    rows = [
        {"place": place, "size": int(rng.integers(3)), LABEL: seller}
        for place in range(900)
        for seller in rng.choice(6, 1 + 4 * (place % 2), replace=False, p=np.roll([0.9, *[0.02] * 5], place // 150))
    ]
    train, held_out = halves(pd.DataFrame(rows), seed)
    assert not alarms_of(data_of(train, Declared(label=LABEL), eval=held_out))
