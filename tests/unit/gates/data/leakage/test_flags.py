"""Labels that are one of several flags of one answer."""

import numpy as np
import pandas as pd
import pytest

from gates.verdict.finding import Severity
from tests.samples.leakage import data_of, findings_of

SEEDS = range(3)
ANSWERS = ["rent", "own", "lodge", "squat", "other"]


def answers(rows: int = 1_500, seed: int = 0, missing: float = 0.0) -> pd.DataFrame:
    """A question with five answers, one column for each, beside flags that may be set together."""
    rng = np.random.default_rng(seed)
    answer = rng.choice(5, rows, p=[0.35, 0.3, 0.2, 0.1, 0.05])
    frame = pd.DataFrame({name: (answer == i).astype(float) for i, name in enumerate(ANSWERS)})
    frame["first"] = (rng.random(rows) < 0.6).astype(int)
    frame["rare"] = ((rng.random(rows) < 0.02) & (answer == 1)).astype(int)
    frame["age"] = rng.integers(18, 90, rows)
    gone = rng.random(rows) < missing
    frame.loc[gone, ANSWERS] = 0.0
    return frame


def by_flags(frame: pd.DataFrame, label: str) -> set[str]:
    found = findings_of(data_of(frame, label), "one_of_several_flags")
    return {each.subject for each in found if each.severity is Severity.BLOCK}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("label", ["rent", "own"])
def test_refuses_the_flag_that_completes_an_answer(seed: int, label: str) -> None:
    frame = answers(seed=seed).astype({"other": int})
    wanted = [name for name in ANSWERS if name != label]
    assert by_flags(frame, label) == {", ".join(wanted)}


def test_refuses_the_or_of_flags_that_are_written_as_words() -> None:
    frame = answers()
    frame["tenant"] = np.where(frame.rent + frame.lodge > 0, "yes", "no")
    for name in ANSWERS:
        frame[name] = np.where(frame[name] > 0, "x", None)
    assert by_flags(frame, "tenant") in ({"rent, lodge"}, {"own, squat, other"})


def test_refuses_one_flag_for_each_class_of_the_label() -> None:
    """Of many classes each flag knows one alone, and the others together make up for it."""
    rng = np.random.default_rng(0)
    kind = rng.choice(list("abcdefg"), 900)
    frame = pd.DataFrame({f"is_{name}": kind == name for name in "abcdefg"}).assign(kind=kind, x=rng.random(900))
    found = by_flags(frame, "kind")
    assert len(found) == 1 and len(found.pop().split(", ")) == 6


@pytest.mark.parametrize("seed", SEEDS)
def test_answers_of_another_question_are_honest(seed: int) -> None:
    """Flags that exclude one another and go with the label; one of them, a rare one, has one class alone."""
    rng = np.random.default_rng(100 + seed)
    frame = answers(seed=seed)
    chance = 0.05 + 0.6 * frame.rent + 0.3 * frame.lodge
    frame["late"] = ((rng.random(len(frame)) < chance) & (frame.squat == 0)).astype(int)
    assert not by_flags(frame, "late")


@pytest.mark.parametrize("seed", SEEDS)
def test_an_answer_that_was_often_not_given_is_not_known(seed: int) -> None:
    assert not by_flags(answers(seed=seed, missing=0.1).assign(rent=answers(seed=seed).rent), "rent")


@pytest.mark.parametrize(("label", "share"), [("squat", 0.4), ("other", 0.02)])
def test_refuses_flags_that_stand_behind_many_others(label: str, share: float) -> None:
    """Some that are rarely set have, beside a rare label, rows of one class alone."""
    rng = np.random.default_rng(0)
    others = pd.DataFrame({f"a{i}": (rng.random(1_500) < share).astype(int) for i in range(450)})
    wanted = ", ".join(name for name in ANSWERS if name != label)
    assert by_flags(pd.concat([others, answers()], axis=1), label) == {wanted}
