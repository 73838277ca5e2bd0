"""A panel of persons whose rows were assigned one by one: its key is proposed, and no category or quantity is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gates.data.contamination.undeclared_entity import _Key
from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.tables.frames import tables_of
from gates.tables.table import Table
from gates.verdict.catalogue import NotApplicable, check_named
from gates.verdict.finding import Severity
from gates.verdict.measurement import Measurement

PERSONS, YEARS = 200, 6


def panel(key: str = "nr", seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)

    def of_person(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, YEARS)

    rows = PERSONS * YEARS
    return pd.DataFrame(
        {
            key: of_person(rng.permutation(10_000)[:PERSONS]),
            "year": np.tile(np.arange(YEARS), PERSONS),
            "school": of_person(rng.integers(8, 18, PERSONS)),
            "region": of_person(rng.choice(list("abcd"), PERSONS)),
            "hours": of_person(rng.normal(40, 6, PERSONS)) + rng.normal(0, 2, rows),
            "union": (of_person(rng.normal(0, 1, PERSONS)) + rng.normal(0, 0.7, rows) > 0).astype(int),
        }
    )


def towns(seed: int = 0) -> pd.DataFrame:
    """Houses: a town fixes its district and its distance from the coast, and no house is like the next one."""
    rng = np.random.default_rng(seed)
    rows, count = 3_000, 60
    town = rng.integers(0, count, rows)
    frame = pd.DataFrame({"town": town, "town_code": [f"T{each:03d}" for each in town]})
    frame["district"], frame["coast"] = town % 7, rng.normal(20, 5, count)[town]
    for name in ("rooms", "age", "garden", "floor", "width"):
        frame[name] = rng.normal(0, 1, rows)
    return frame.assign(union=(frame["rooms"] + rng.normal(0, 1, rows) > 0).astype(int))


def fish(seed: int = 0) -> pd.DataFrame:
    """Lengths in whole millimetres, which many fish share: whatever is of one length is alike in all else."""
    rng = np.random.default_rng(seed)
    length = rng.integers(100, 400, 2_000)
    frame = pd.DataFrame({"length": length})
    for name in ("width", "height", "weight"):
        frame[name] = length * rng.normal(1, 0.02, len(length))
    return frame.assign(union=(rng.random(len(length)) < length / 400).astype(int))


def found(frame: pd.DataFrame, by: str | None = None, **declared: object) -> list[Measurement]:
    rng = np.random.default_rng(1)
    if by is None:
        in_train = rng.random(len(frame)) < 0.8
    else:
        values = frame[by].unique()
        in_train = frame[by].isin(values[rng.random(len(values)) < 0.8]).to_numpy()
    tables = {
        name: Table.of(name, each)
        for name, each in tables_of({"train": frame[in_train], "test": frame[~in_train]}, {}).items()
    }
    data = Data(tables["train"], {"test": tables["test"]}, declared=Declared(label="union", **declared))
    check = check_named("undeclared_entity")
    try:
        return check.measure(data, check.margin)
    except NotApplicable:
        return []


@pytest.mark.parametrize("key", ["nr", "whoever"])
@pytest.mark.parametrize("seed", range(3))
def test_proposes_the_key_of_a_panel_whatever_it_is_called(key: str, seed: int) -> None:
    (measured,) = found(panel(key, seed))
    assert measured.subject == key
    assert f"--entity {key}" in measured.remedy
    assert (measured.is_beyond, measured.at_most) == (True, Severity.WARN)


def test_proposes_a_key_of_text_and_one_that_is_withheld() -> None:
    as_text = panel().assign(nr=lambda frame: frame["nr"].map("P-{:04d}".format))
    assert [each.subject for each in found(as_text)] == ["nr"]
    assert [each.subject for each in found(panel(), withheld=frozenset({"nr"}))] == ["nr"]


@pytest.mark.parametrize("seed", range(3))
def test_proposes_neither_a_category_nor_a_quantity(seed: int) -> None:
    assert found(towns(seed)) == []
    assert found(fish(seed)) == []


def test_is_silent_where_a_key_is_declared_or_the_split_is_by_it() -> None:
    assert found(panel(), entity="nr") == []
    assert found(panel(), by="nr") == []
    assert found(panel(), split_by="time") == []


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_counts_the_rows_whose_text_key_train_has(share: float) -> None:
    rows = 40_000
    keys = np.array([f"P-{each:07d}" for each in range(rows)])
    known, new = keys[: round(share * rows)], np.char.add("N", keys[round(share * rows) :])
    frames = {"train": pd.DataFrame({"nr": np.repeat(keys, 2)}), "test": pd.DataFrame({"nr": [*known, *new]})}
    tables = {name: Table.of(name, each) for name, each in tables_of(frames, {}).items()}
    key = _Key.of(Data(tables["train"]), "nr")
    assert key is not None
    assert key.shared(tables["test"]) == share
