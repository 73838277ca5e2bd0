"""Ten tables of few values, in which most rows repeat another one, and the split that the pipeline gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.faults.case import Case, of_parts
from benchmarks.faults.tables import SOURCES, TableSource

_MOST_ROWS = 12_000
_WEIGHTS = {"train": 0.8, "eval": 0.1, "test": 0.1}
# A share of the rows that an endpoint has seen: it draws rows, whatever the split draws.
_SERVED = 0.1
_SURVEYED = 5_000
_ANSWERS = (3, 3, 4, 4, 5)


def _only(name: str, *columns: str, **ranges: int) -> Callable[[], pd.DataFrame]:
    """These columns of a table, those of `ranges` in so many quantile ranges."""

    def load() -> pd.DataFrame:
        whole = SOURCES[name].raw
        frame = whole.sample(min(_MOST_ROWS, len(whole)), random_state=1)
        kept = frame[list(columns)]
        return kept.assign(
            **{each: pd.qcut(frame[each], n, labels=False, duplicates="drop") for each, n in ranges.items()}
        )

    return load


def survey() -> pd.DataFrame:
    """Five answers that go with one another, and an outcome that three of them tell something of."""
    rng = np.random.default_rng(0)
    mood = rng.normal(size=_SURVEYED)
    answers = {
        f"q{i}": np.clip(np.rint((mood + rng.normal(size=_SURVEYED)) + (count - 1) / 2), 0, count - 1).astype(int)
        for i, count in enumerate(_ANSWERS)
    }
    frame = pd.DataFrame(answers)
    chance = 1 / (1 + np.exp(2.5 - 0.5 * frame[["q0", "q2", "q4"]].sum(axis=1)))
    as_text = frame.assign(**{name: frame[name].map(lambda each: "abcde"[each]) for name in ("q0", "q1", "q3")})
    return as_text.assign(y=(rng.random(_SURVEYED) < chance).astype("int64"))


DISCRETE: tuple[TableSource, ...] = (
    TableSource("a survey", survey, "y"),
    TableSource("titanic", lambda: SOURCES["titanic"].raw, "survived"),
    TableSource("answers", _only("big_five", "A1", "A2", "A3", "gender"), "gender"),
    TableSource(
        "insured", _only("medicare", "region", "black", "sex", "maried", "employed", "hosp", "privins"), "privins"
    ),
    TableSource("lecturers", _only("lectures", "studage", "lectage", "dept", "service"), "service"),
    TableSource("workers", _only("young_men", "school", "ethn", "married", "health", "residence", "union"), "union"),
    TableSource("carriers", _only("flights", "carrier", "origin", "month", "late"), "late"),
    TableSource("rides", _only("taxi", "trip_start_hour", "trip_start_day", "big_tipper", trip_miles=4), "big_tipper"),
    TableSource("stones", _only("diamonds", "color", "clarity", "cut", carat=5), "cut"),
    TableSource("couples", _only("husbands", "education", "race", "hispanic", "region", "hhi", "whi"), "whi"),
)


def assign_by_content(source: TableSource, seed: int) -> Case:
    """The default split of the pipeline: rows that agree in all but the label go to one side, whatever the weights of
    the others; and a serving log, which is a draw of rows."""
    rng = np.random.default_rng([seed, 3, sum(map(ord, source.name))])
    served = rng.random(len(source.raw)) < _SERVED
    rest = source.raw.index[~served]
    features = [name for name in source.columns if name != source.label]
    content = source.raw.loc[rest, features].fillna("missing").groupby(features, sort=False).ngroup().to_numpy()
    limits = np.cumsum(list(_WEIGHTS.values()))[:-1] / sum(_WEIGHTS.values())
    side = np.searchsorted(limits, rng.random(content.max() + 1), side="right")[content]
    parts = {name: rest[side == place].to_numpy() for place, name in enumerate(_WEIGHTS)}
    return of_parts(source, {**parts, "serving": source.raw.index[served].to_numpy()}, rng)
