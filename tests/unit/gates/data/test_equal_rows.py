"""Splits that keep equal rows together: contents were drawn, not rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.faults.case import assign
from benchmarks.faults.discrete import DISCRETE, assign_by_content
from gates.data.declared import Declared
from gates.data.gate import judge_data
from gates.data.units import Unit
from gates.verdict.finding import Severity
from gates.verdict.settings import GateSettings
from tests.samples.skew import assigned, data_of

SURVEY = DISCRETE[0]


def units(case) -> set[Unit]:
    data = case.data()
    return {data.unit(other) for other in data.others.values()}


@pytest.mark.parametrize("seed", range(4))
def test_lets_an_honest_survey_pass(seed: int) -> None:
    case = assign_by_content(SURVEY, seed)
    assert units(case) == {Unit.CONTENT}
    assert [(each.check, each.subject) for each in case.judge().of(Severity.BLOCK)] == []


def test_a_random_assignment_of_equal_rows_is_one_of_rows() -> None:
    assert units(assign(SURVEY, 0, {"train": 0.7, "eval": 0.2, "serving": 0.1})) == {Unit.ROW}


def test_rows_that_hardly_repeat_are_drawn_as_rows() -> None:
    train, other = assigned([3000, 800])
    data = data_of(train, eval=other)
    assert data.unit(data.held_out["eval"]) is Unit.ROW


def test_one_changed_table_beside_a_random_one_is_no_split_by_content() -> None:
    case = assign(SURVEY, 0, {"train": 0.6, "eval": 0.2, "test": 0.2})
    assert units(case.with_frame("eval", case.frames["eval"].assign(q2=9))) == {Unit.ROW}


FAULTS = {
    "an answer that train never had": lambda frame: frame.assign(q0=frame["q0"].replace({"b": "B"})),
    "an answer for all": lambda frame: frame.assign(q1="a"),
    "answers from zero on": lambda frame: frame.assign(q2=frame["q2"] - 1),
    "missing answers": lambda frame: frame.assign(q3=frame["q3"].where(np.arange(len(frame)) % 2 == 0)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_refuses_a_fault_in_the_serving_log_of_a_survey(name: str) -> None:
    case = assign_by_content(SURVEY, 3)
    found = case.with_frame("serving", FAULTS[name](case.frames["serving"])).judge().of(Severity.BLOCK)
    assert found


def test_the_label_is_no_part_of_a_content() -> None:
    case = assign_by_content(SURVEY, 1)
    data = case.data()
    train_codes, eval_codes = data.groups(data.held_out["eval"])
    assert not np.isin(eval_codes, train_codes).any()
    assert len(np.unique(train_codes)) == len(case.frames["train"].drop(columns=["y"]).drop_duplicates())


def _answers(seed: int) -> dict[str, pd.DataFrame]:
    """One answer of 40 and a label, split by the answer; the log is a sample of all."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"q0": rng.choice([f"v{each}" for each in range(40)], 3_000), "y": rng.integers(0, 2, 3_000)})
    sides = {"train": range(32), "eval": range(32, 36), "test": range(36, 40)}
    split = {side: rows[rows["q0"].isin([f"v{each}" for each in of])] for side, of in sides.items()}
    return {**split, "serving": rows.sample(300, random_state=seed).drop(columns="y")}


@pytest.mark.parametrize("seed", range(3))
def test_a_column_that_is_the_whole_content_is_no_entity(seed: int) -> None:
    data = data_of(declared=Declared(label="y"), **_answers(seed))
    assert {data.unit(other) for other in data.others.values()} == {Unit.CONTENT}
    assert "new_categories" not in {each.check for each in judge_data(data).of(Severity.BLOCK)}


def test_beside_a_table_with_values_of_train_it_is_one() -> None:
    tables = _answers(0)
    data = data_of(declared=Declared(label="y"), **{**tables, "test": tables["train"].sample(300, random_state=0)})
    assert (data.unit(data.others["eval"]), data.unit(data.others["serving"])) == (Unit.ENTITY, Unit.ROW)


def _one_column(seed: int) -> dict[str, pd.DataFrame]:
    """One answer of a few, each with a rate of the label of its own, split by the answer."""
    rng = np.random.default_rng(seed)
    values = int(rng.integers(10, 60))
    answer = rng.choice(values, 4_000, p=rng.dirichlet(np.ones(values)))
    label = (rng.random(4_000) < 1 / (1 + np.exp(-rng.normal(size=values)))[answer]).astype(int)
    rows = pd.DataFrame({"answer": [f"answer {each}" for each in answer], "y": label})
    side = np.searchsorted([0.6, 0.8], rng.random(values))[answer]
    return {name: rows[side == place] for place, name in enumerate(("train", "eval", "test"))}


@pytest.mark.parametrize("seed", range(5))
def test_strict_lets_a_table_of_one_column_pass_whose_split_moves_the_label(seed: int) -> None:
    data = data_of(declared=Declared(label="y"), **_one_column(seed))
    assert {data.unit(other) for other in data.others.values()} == {Unit.CONTENT}
    assert judge_data(data, GateSettings(strict=True)).of(Severity.BLOCK) == ()


def test_labels_that_many_contents_do_not_have_by_chance_are_still_refused() -> None:
    case = assign_by_content(SURVEY, 1)
    frame = case.frames["eval"]
    found = case.with_frame("eval", frame.assign(y=0)).judge().of(Severity.BLOCK)
    assert "label_shift" in {each.check for each in found}
