"""Labels in other shares than train's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.verdict.finding import Finding, Severity
from tests.samples.leakage import findings_of
from tests.samples.skew import LABEL, assigned, data_of, rides

ONLY_LABEL = Declared(label=LABEL)


def alarms_of(data: Data) -> list[Finding]:
    """What label_shift warns of or refuses."""
    return [each for each in findings_of(data, "label_shift") if each.severity is not Severity.INFO]


def classes(*counts: int) -> pd.DataFrame:
    labels = [f"class {i}" for i, count in enumerate(counts) for _ in range(count)]
    return pd.DataFrame({"x": np.arange(len(labels), dtype=float), LABEL: labels})


def with_rate(frame: pd.DataFrame, rate: float) -> pd.DataFrame:
    positive, negative = frame[frame[LABEL] == 1], frame[frame[LABEL] == 0]
    return pd.concat([positive, negative.head(round(len(positive) * (1 - rate) / rate))])


@pytest.mark.parametrize(("rate", "refused"), [(0.46, True), (0.32, True), (0.24, False)])
@pytest.mark.parametrize("name", ["eval", "serving"])
def test_refuses_another_rate(rate: float, refused: bool, name: str) -> None:
    train, other = assigned((10_000, 2_500), 0, rides())
    found = alarms_of(data_of(train, ONLY_LABEL, **{name: with_rate(other, rate)}))
    assert [each.severity for each in found] == [Severity.BLOCK] * refused
    if found:
        assert found[0].subject == name and found[0].chart is not None
        assert "is 1 in" in found[0].reason or "is 0 in" in found[0].reason


def test_refuses_noise_that_changes_the_rate() -> None:
    train, held_out = assigned((10_000, 2_500), 1, rides())
    wrong = np.random.default_rng(0).random(len(held_out)) < 0.15
    held_out.loc[wrong, LABEL] = 1 - held_out.loc[wrong, LABEL]
    assert [each.severity for each in alarms_of(data_of(train, ONLY_LABEL, eval=held_out))] == [Severity.BLOCK]


def test_refuses_a_class_that_train_lacks() -> None:
    found = alarms_of(data_of(classes(500, 500), ONLY_LABEL, eval=classes(120, 120, 12)))
    assert [each.statistic for each in found] == ["share of rows of classes that train lacks"]
    assert "class 2" in found[0].reason


def test_refuses_a_class_that_only_train_has() -> None:
    found = alarms_of(data_of(classes(500, 500, 500), ONLY_LABEL, eval=classes(120, 120)))
    assert [each.severity for each in found] == [Severity.BLOCK]
    assert "class 2" in found[0].reason


@pytest.mark.parametrize("extra", [1, 3])
def test_passes_a_rare_class_that_fell_to_one_side(extra: int) -> None:
    assert not alarms_of(data_of(classes(30, 18), ONLY_LABEL, eval=classes(6, 6, extra)))
    assert not alarms_of(data_of(classes(500, 500, extra), ONLY_LABEL, eval=classes(120, 120)))


def test_passes_many_rare_classes() -> None:
    frame = pd.DataFrame({LABEL: [f"c{int(v)}" for v in np.random.default_rng(0).zipf(1.7, 4_000) if v < 60]})
    for seed in range(10):
        train, held_out = assigned((len(frame) - 400, 400), seed, frame)
        assert not alarms_of(data_of(train, ONLY_LABEL, eval=held_out))


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits"])
def test_passes_honest_tables(name: str) -> None:
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame.rename(columns={"target": LABEL})
    for seed in range(5):
        for sizes in ((int(0.7 * len(frame)), int(0.3 * len(frame))), (40, 20)):
            train, held_out = assigned(sizes, seed, frame)
            assert not alarms_of(data_of(train, ONLY_LABEL, eval=held_out))


@pytest.mark.parametrize("scale", [1.6, 1.0])
def test_refuses_a_quantity_of_another_size(scale: float) -> None:
    train, held_out = assigned((5_000, 1_500), 0, rides())
    declared = Declared(label="fare")
    found = alarms_of(data_of(train, declared, eval=held_out.assign(fare=held_out.fare * scale)))
    assert [each.severity for each in found] == [Severity.BLOCK] * (scale != 1.0)


def test_entities_that_differ_are_no_shift() -> None:
    rng = np.random.default_rng(0)
    rows = [(f"driver {i}", rate) for i, rate in enumerate(rng.beta(1, 3, 30)) for _ in range(200)]
    frame = pd.DataFrame(rows, columns=["driver", "rate"])
    frame[LABEL] = (rng.random(len(frame)) < frame.rate).astype(int)
    for seed in range(5):
        drivers = np.random.default_rng(seed).permutation(frame.driver.unique())
        apart = frame.driver.isin(drivers[:6])
        data = data_of(frame[~apart], Declared(label=LABEL, entity="driver"), eval=frame[apart])
        assert not alarms_of(data)


def test_warns_at_most_when_eval_is_later() -> None:
    train, held_out = assigned((10_000, 2_500), 0, rides())
    held_out = with_rate(held_out, 0.5).assign(trip_start_timestamp=lambda each: each.trip_start_timestamp + 10**9)
    declared = Declared(label=LABEL, time="trip_start_timestamp")
    assert [each.severity for each in alarms_of(data_of(train, declared, eval=held_out))] == [Severity.WARN]


def test_booleans_and_their_numbers_are_the_same_labels() -> None:
    train, held_out = assigned((2_000, 1_000), 0, rides())
    assert not alarms_of(data_of(train, ONLY_LABEL, eval=held_out.assign(**{LABEL: held_out[LABEL].astype(bool)})))


@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_classes_leave_no_doubt_on_honest_rows(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 100, 22_500)
    frame = pd.DataFrame({"x": 1.0, LABEL: [f"class {i:02}" for i in labels]})
    found = findings_of(data_of(frame[:20_000], ONLY_LABEL, eval=frame[20_000:]), "label_shift")
    shift = next(each for each in found if each.statistic.startswith("total variation"))
    assert shift.value < 0.02 and not shift.undecided


def test_a_shift_among_a_hundred_classes_is_refused() -> None:
    random = np.random.default_rng(0)
    rates = np.where(np.arange(100) < 50, 1.3, 0.7) / 100
    train, other = random.integers(0, 100, 20_000), random.choice(100, 2_500, p=rates)
    frames = [pd.DataFrame({"x": 1.0, LABEL: [f"class {i:02}" for i in side]}) for side in (train, other)]
    found = alarms_of(data_of(frames[0], ONLY_LABEL, eval=frames[1]))
    assert [each.severity for each in found] == [Severity.BLOCK]
