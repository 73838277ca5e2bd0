"""Rows and images that were made from others before the split are refused; grids, prices and series are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets
from sklearn.neighbors import NearestNeighbors

from gates.data.contamination.interpolated import interpolated_rows
from tests.samples.contamination import assign, blocking, data_of
from tests.samples.fashion_mnist import blocked_by, image_data, needs_fashion_mnist, shuffled_split

TABLES = ("breast_cancer", "wine", "diabetes", "iris")


def table(name: str) -> pd.DataFrame:
    """A real table of scikit-learn; a quantity is cut into two classes."""
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return (
        frame.assign(target=(frame["target"] > frame["target"].median()).astype(int)) if name == "diabetes" else frame
    )


def smote(frame: pd.DataFrame, count: int, seed: int = 0) -> pd.DataFrame:
    """Rows between a row of one class and one of its five nearest."""
    rng = np.random.default_rng(seed)
    rows = frame[frame["target"] == 0].drop(columns="target").to_numpy(np.float64)
    near = NearestNeighbors(n_neighbors=6).fit(rows).kneighbors(rows, return_distance=False)
    first = rng.integers(len(rows), size=count)
    second = near[first, rng.integers(1, 6, size=count)]
    made = rows[first] + rng.random((count, 1)) * (rows[second] - rows[first])
    return pd.DataFrame(made, columns=frame.columns.drop("target")).assign(target=0)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["breast_cancer", "wine"])
def test_refuses_rows_interpolated_before_the_split(name: str, seed: int) -> None:
    frame = table(name)
    whole = pd.concat([frame, smote(frame, len(frame), seed)])
    found = data_of(assign(whole, seed), label="target")
    assert "interpolated_rows" in blocking(found)


def test_rows_interpolated_after_the_split_in_train_alone_pass() -> None:
    train, *held_out = assign(table("breast_cancer"))
    data = data_of((pd.concat([train, smote(train, 300)]), *held_out), label="target")
    assert "interpolated_rows" not in blocking(data)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", TABLES)
def test_honest_tables_pass(name: str, seed: int) -> None:
    assert "interpolated_rows" not in blocking(data_of(assign(table(name), seed), label="target"))


@pytest.mark.parametrize("step", [1.0, 0.25, 1 / 3])
def test_grids_pass(step: float) -> None:
    """Rows of a grid lie exactly between others, in every column: that is what a grid is."""
    places = np.stack(np.meshgrid(*[np.arange(25)] * 3), axis=-1).reshape(-1, 3) * step
    frame = pd.DataFrame(places, columns=list("abc"))
    frame["target"] = (frame["a"] > frame["a"].mean()).astype(int)
    assert "interpolated_rows" not in blocking(data_of(assign(frame), label="target"))


def test_a_series_with_counters_and_trends_passes() -> None:
    """Three columns rise by the same step in each row, and measurements move on their own."""
    time = np.arange(4_000.0)
    rng = np.random.default_rng(0)
    walk = rng.normal(size=(4_000, 2)).cumsum(axis=0)
    frame = pd.DataFrame({"day": time, "seconds": 86_400 * time + 7, "share": time / 3_999, "x": walk[:, 0]})
    frame = frame.assign(y=walk[:, 1], target=(walk[:, 0] > 0).astype(int))
    assert "interpolated_rows" not in blocking(data_of(assign(frame), label="target"))


def test_columns_that_follow_from_each_other_pass() -> None:
    """A total, its parts and other units of the same measurement: one place on a line gives them all."""
    rng = np.random.default_rng(0)
    a, b = rng.gamma(2, 10, (2, 4_000))
    frame = pd.DataFrame({"a": a, "b": b, "total": a + b, "in_feet": 3.28084 * a, "share": a / 400 + b / 70})
    frame["target"] = (a > 20).astype(int)
    assert "interpolated_rows" not in blocking(data_of(assign(frame), label="target"))


def cycles(rows: int, days: int) -> pd.DataFrame:
    """The hour and the weekday of a random second, each as sine and cosine."""
    rng = np.random.default_rng(1)
    hour = 2 * np.pi * rng.integers(0, days * 86_400, rows) / 86_400
    angles = {"hour": hour, "week": hour / 7}
    frame = pd.DataFrame({f"{name}_{f.__name__}": f(angle) for name, angle in angles.items() for f in (np.sin, np.cos)})
    return frame.assign(target=rng.integers(0, 2, rows))


def curves(rows: int, days: int) -> pd.DataFrame:
    """Nine columns of one quantity."""
    rng = np.random.default_rng(days)
    x = rng.uniform(1, 2, rows)
    smooth = {f"sine_{k}": np.sin(k * x) for k in (5, 7, 11, 13)}
    powers = {"x": x, "square": x**2, "cube": x**3, "log": np.log(x), "exp": np.exp(x)}
    return pd.DataFrame({**smooth, **powers}).assign(target=rng.integers(0, 2, rows))


@pytest.mark.parametrize("made", [cycles, curves])
@pytest.mark.parametrize(("rows", "days"), [(8_000, 7), (20_000, 30)])
def test_columns_that_follow_one_quantity_pass(made, rows: int, days: int) -> None:
    data = data_of(assign(made(rows, days)), label="target")
    assert all(not found.is_beyond for found in interpolated_rows(data, 0.01))


@pytest.mark.parametrize("count", [100, 1_000])
def test_refuses_rows_interpolated_of_few(count: int) -> None:
    """Many rows made of twenty: the neighbours of each lie on few lines."""
    frame = table("breast_cancer")
    few = pd.concat([frame[frame["target"] == 1], frame[frame["target"] == 0].iloc[:20]])
    whole = pd.concat([few, smote(few, count)])
    assert "interpolated_rows" in blocking(data_of(assign(whole, 0), label="target"))


@needs_fashion_mnist
def test_refuses_images_that_are_mixtures_of_two_of_train() -> None:
    train, held_out = shuffled_split(1, 4000, 1000)
    rng = np.random.default_rng(0)
    pixels, share = held_out[0].copy(), rng.uniform(0.2, 0.8, (50, 1))
    first, second = rng.choice(4000, (2, 50), replace=False)
    pixels[:50] = np.rint(train[0][first] * share + train[0][second] * (1 - share)).astype(np.uint8)
    data = image_data(train, eval=(pixels, held_out[1]))
    assert set(blocked_by(data, interpolated_rows)) == {"interpolated_rows"}
    assert not blocked_by(image_data(train, eval=held_out), interpolated_rows)


def test_images_that_are_all_the_same_pass() -> None:
    train, held_out = ((np.zeros((rows, 784), np.uint8), np.arange(rows, dtype=np.uint8) % 3) for rows in (1_500, 300))
    assert not blocked_by(image_data(train, eval=held_out), interpolated_rows)


def test_rows_of_which_none_has_all_measurements_are_not_judged() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(3_000, 4)), columns=[*"abcd"]).assign(target=0)
    held_out = frame[2_000:].reset_index(drop=True)
    for place, name in enumerate("abcd"):
        held_out.loc[held_out.index % 4 == place, name] = np.nan
    assert "interpolated_rows" not in blocking(data_of((frame[:2_000], held_out), "target"))
