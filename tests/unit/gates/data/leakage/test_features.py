"""One feature predicts the label better than all others together, or only as well as similar ones."""

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from gates.data.leakage.combinations import derived
from gates.data.leakage.features import missing_advantages, single_advantages
from gates.data.leakage.identifiers import identifier_advantages
from gates.verdict.finding import Severity
from tests.samples.leakage import data_of, findings_of, refused, taxi

LABEL = "big_tipper"


def flipped(labels: pd.Series, share: float) -> np.ndarray:
    """The label, wrong in a share of the rows."""
    wrong = np.random.default_rng(1).random(len(labels)) < share
    return np.where(wrong, 1 - labels, labels)


@pytest.mark.parametrize("seed", range(4))
def test_is_silent_on_clean_taxi_trips(seed: int) -> None:
    assert refused(data_of(taxi((300, 1_000, 2_500, 5_000)[seed], seed), LABEL)) == set()


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_is_silent_where_one_honest_measurement_is_simply_good(name: str) -> None:
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    for seed in range(2):
        assert refused(data_of(frame.sample(frac=0.8, random_state=seed), "target")) == set()


def test_is_silent_when_the_label_is_assigned_at_random() -> None:
    trips = taxi(4_000, keep=("tips", "payment_type"))
    trips[LABEL] = np.random.default_rng(0).permutation(trips[LABEL])
    assert refused(data_of(trips, LABEL)) == set()


def test_names_payment_type_its_auc_and_the_next_best() -> None:
    data = data_of(taxi(12_000, keep=("payment_type",)), LABEL)
    assert refused(data) == {("single_feature", "payment_type")}
    finding = findings_of(data)[0]
    assert "`payment_type` alone has AUC 0.9" in finding.reason and "the next, `fare`, has 0.6" in finding.reason
    assert finding.chart is not None and finding.chart.marked == "payment_type" == finding.chart.labels[0]


def test_refuses_tips() -> None:
    assert refused(data_of(taxi(keep=("tips",)), LABEL)) == {("single_feature", "tips")}


def test_names_the_copy_of_a_label_that_is_the_only_feature() -> None:
    trips = taxi(3_000)[[LABEL]]
    data = data_of(trips.assign(copied=trips[LABEL].map({0: "low", 1: "high"})), LABEL)
    assert ("single_feature", "copied") in refused(data)


def test_two_leaks_do_not_clear_each_other() -> None:
    found = refused(data_of(taxi(12_000, keep=("tips", "payment_type")), LABEL))
    assert found == {("single_feature", "tips"), ("single_feature", "payment_type")}


def test_a_leak_that_is_there_twice_does_not_hide_itself() -> None:
    trips = taxi(8_000, keep=("tips",))
    trips["tip_cents"] = (trips.tips * 100).round()
    assert refused(data_of(trips, LABEL)) == {("single_feature", "tips"), ("single_feature", "tip_cents")}


@pytest.mark.parametrize("share", [0.05, 0.10])
def test_refuses_a_noisy_proxy(share: float) -> None:
    trips = taxi(9_000)
    trips["proxy"] = flipped(trips[LABEL], share)
    assert refused(data_of(trips, LABEL)) == {("single_feature", "proxy")}


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_refuses_the_label_by_other_names_where_all_else_is_nearly_as_good(name: str) -> None:
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    frame["group"] = frame.target.map({0: "x", 1: "z", 2: "y"})
    assert refused(data_of(frame, "target")) == {("single_feature", "group")}


def test_refuses_a_copy_of_a_quantity() -> None:
    frame = datasets.load_diabetes(as_frame=True).frame
    frame["invoice"] = 1.2 * frame.target + np.random.default_rng(0).normal(0, 3, len(frame))
    assert refused(data_of(frame, "target")) == {("single_feature", "invoice")}


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_refuses_a_column_that_is_filled_in_for_one_class(share: float) -> None:
    trips = taxi()
    values = np.random.default_rng(0).normal(size=len(trips))
    trips["survey"] = np.where(flipped(trips[LABEL], share) == 1, values, np.nan)
    assert refused(data_of(trips, LABEL)) == {("missingness", "survey")}


def test_an_honest_scale_that_ranks_the_label_well_is_not_a_record_of_it() -> None:
    # An attitude of AUC 0.90 for one class of four, all else at 0.6, as in the Chile survey of 1988.
    random = np.random.default_rng(0)
    vote = random.integers(0, 4, 2_700)
    attitude = random.normal(np.array([-0.6, 1.3, 0.0, -0.8])[vote], 0.75)
    frame = pd.DataFrame({"attitude": attitude, "age": random.normal(40 + vote, 9), "vote": vote.astype(str)})
    assert refused(data_of(frame, "vote")) == set()


def test_few_rows_leave_it_undecided() -> None:
    trips = taxi(100, keep=("payment_type",))
    assert all(each.severity is not Severity.BLOCK for each in findings_of(data_of(trips, LABEL)))


def test_says_the_same_whatever_the_order_of_rows() -> None:
    trips = taxi(2_000, keep=("payment_type",))
    shuffled = trips.sample(frac=1, random_state=3)
    first, second = (findings_of(data_of(each, LABEL), "single_feature", "missingness") for each in (trips, shuffled))
    assert first == second


def _many_classes(classes: int, rows: int, text: bool, copied: float) -> pd.DataFrame:
    """A label with many classes, two honest features, and a copy of the label that is right in a share of the rows."""
    rng = np.random.default_rng(classes)
    codes = rng.integers(0, classes, rows)
    copy = np.where(rng.random(rows) < copied, codes, rng.integers(0, classes, rows))
    label, leak = ([f"kind {code}" for code in each] if text else each for each in (codes, copy))
    honest = {"near": codes / classes + rng.normal(size=rows) * 0.3, "half": (codes % 2) ^ (rng.random(rows) < 0.2)}
    return pd.DataFrame({**honest, "noise": rng.normal(size=rows), "leak": leak, "kind": label})


@pytest.mark.parametrize(
    ("classes", "rows", "text"), [(30, 4_000, False), (200, 12_000, True), (1_000, 20_000, True), (200, 12_000, False)]
)
def test_finds_the_copy_of_a_label_with_many_classes(classes: int, rows: int, text: bool) -> None:
    frame = _many_classes(classes, rows, text, copied=0.97)
    assert refused(data_of(frame, "kind")) == {("single_feature", "leak")}
    assert refused(data_of(frame.drop(columns="leak"), "kind")) == set()


def test_what_several_checks_need_is_computed_once() -> None:
    computed = (single_advantages, missing_advantages, identifier_advantages, derived)
    for each in computed:
        each.cache_clear()
    findings_of(data_of(taxi(1_000).assign(number=range(1_000)), LABEL))
    assert [each.cache_info().misses for each in computed] == [1] * 4
