"""Clean controls: honest data in many shapes. No gate may refuse any of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.faults.case import Case, assign, assign_by, assign_by_time
from benchmarks.faults.discrete import DISCRETE, assign_by_content
from benchmarks.faults.model_case import ModelCase, model_case
from benchmarks.faults.tables import SOURCES, TableSource

FOUR = {"train": 0.7, "eval": 0.1, "test": 0.1, "serving": 0.1}


@dataclass(frozen=True)
class Control:
    """One clean case, made on demand."""

    name: str
    table: str
    shape: str  # its special property, by which the page counts it
    seed: int
    build: Callable[[], Case | ModelCase]


def controls() -> list[Control]:
    """All controls, the cheap tables first."""
    return [
        *_other_tables(),
        *_seeds(),
        *_ratios(),
        *_sizes(),
        *_subsets(),
        *_entities(),
        *_times(),
        *_small_serving(),
        *_same_values_in_another_form(),
        *_sorted_by_label(),
        *_spans_and_keys(),
        *_images(),
        *_models(),
    ]


def _control(source: TableSource, shape: str, detail: str, seed: int, build: Callable[[], Case | ModelCase]) -> Control:
    return Control(
        f"{source.name}: {shape}{', ' + detail if detail else ''}, seed {seed}", source.name, shape, seed, build
    )


def _of(name: str) -> TableSource:
    return SOURCES[name]


# Panels and series are left out here: assigning their rows at random is no honest split. So is `chile`, of which a
# column was standardised over all rows before it was published: that is a fault, and planted as one.
ROW_TABLES = (
    "breast_cancer",
    "wine",
    "iris",
    "diabetes",
    "flchain",
    "vietnam",
    "husbands",
    "budget_food",
    "doctor_visits",
    "mortgages",
    "computers",
    "medicare",
    "big_five",
    "star_schools",
    "titanic",
    "diamonds_price",
)
LARGE = ("taxi", "flights", "diamonds")


def _other_tables() -> Iterator[Control]:
    for name in ROW_TABLES:
        for seed in (11, 12):
            source = _of(name)
            yield _control(source, "another table", "", seed, lambda s=source, i=seed: assign(s, i, FOUR, rows=15_000))


def _seeds() -> Iterator[Control]:
    for name in LARGE:
        for seed in range(21, 27):
            source = _of(name)
            yield _control(source, "another seed", "", seed, lambda s=source, i=seed: assign(s, i, FOUR, rows=15_002))


def _ratios() -> Iterator[Control]:
    for name in LARGE:
        for train, held_out in ((0.34, 0.33), (0.5, 0.25), (0.9, 0.05), (0.98, 0.01)):
            shares = {"train": train, "eval": held_out, "serving": held_out}
            source, detail = _of(name), f"{train:.0%} train"
            yield _control(
                source, "another split ratio", detail, 31, lambda s=source, h=shares: assign(s, 31, h, rows=15_002)
            )


def _sizes() -> Iterator[Control]:
    for name, sizes in (
        ("taxi", (1_000, 3_000, 6_000)),
        ("flights", (1_000, 3_000, 30_000, 100_000, 300_000)),
        ("diamonds", (1_000, 3_000, 53_940)),
        ("lectures", ()),
    ):
        for rows in sizes:
            source = _of(name)
            yield _control(
                source, "another size", f"{rows:,} rows", 41, lambda s=source, r=rows: assign(s, 41, FOUR, rows=r)
            )


SUBSETS: tuple[tuple[str, str, str], ...] = (
    ("taxi", "company", "Taxi Affiliation Services"),
    ("taxi", "company", "Dispatch Taxi Affiliation"),
    ("taxi", "company", "Blue Ribbon Taxi Association Inc."),
    ("taxi", "pickup_community_area", "8"),
    ("taxi", "pickup_community_area", "32"),
    ("taxi", "pickup_community_area", "28"),
    ("taxi", "trip_start_hour", "0"),
    ("taxi", "trip_start_day", "7"),
    ("taxi", "payment_type", "Credit Card"),
    ("taxi", "payment_type", "Cash"),
    ("flights", "carrier", "UA"),
    ("flights", "carrier", "HA"),
    ("flights", "carrier", "F9"),
    ("flights", "carrier", "FL"),
    ("flights", "origin", "JFK"),
    ("flights", "month", "2"),
    ("flights", "dest", "BOS"),
    ("diamonds", "color", "J"),
    ("diamonds", "clarity", "I1"),
    ("diamonds", "clarity", "VVS1"),
)


def _subsets() -> Iterator[Control]:
    for name, column, value in SUBSETS:
        source = _of(name)

        def build(source: TableSource = source, column: str = column, value: str = value) -> Case:
            column_as_text = source.raw[column].map(lambda each: f"{each:g}" if isinstance(each, float) else str(each))
            return assign(source, 51, FOUR, rows=15_000, keep=source.raw.index[column_as_text == value])

        yield _control(source, "a natural subset", f"{column} = {value}", 51, build)


BY_ENTITY = (
    ("taxi", "company", 3),
    ("taxi", "pickup_community_area", 5),
    ("flights", "tailnum", 4),
    ("flights", "carrier", 3),
    ("flights", "dest", 4),
    ("vietnam", "commune", 3),
    ("lectures", "s", 2),
    ("lectures", "d", 2),
    ("young_men", "nr", 3),
)


def _entities() -> Iterator[Control]:
    for name, column, seeds in BY_ENTITY:
        for seed in range(61, 61 + seeds):
            source = _of(name)
            yield _control(
                source,
                "split by entity",
                column,
                seed,
                lambda s=source, c=column, i=seed: assign_by(s, c, i, rows=15_002),
            )
    # An undeclared split shows in the entity column only. A serving log of entities that train
    # never saw would be skew then, so there is none.
    for name, column in (("taxi", "company"), ("flights", "tailnum"), ("flights", "carrier")):
        yield _control(_of(name), "split by entity, undeclared", column, 66, partial(_undeclared, _of(name), column))


def _undeclared(source: TableSource, column: str) -> Case:
    case = assign_by(source, column, 66, {"train": 0.8, "eval": 0.2}, rows=15_002)
    return case.declaring(entity=None, split_by=None)


def _times() -> Iterator[Control]:
    for name in ("taxi", "flights", "computers", "nitrogen", "young_men"):
        source = _of(name)
        assert source.time is not None
        yield _control(source, "split by time", source.time, 71, lambda s=source: assign_by_time(s, s.time or ""))
        yield _control(
            source,
            "split by time",
            f"{source.time}, half and half",
            72,
            lambda s=source: assign_by_time(s, s.time or "", {"train": 0.5, "eval": 0.3, "test": 0.2}, seed=72),
        )


def _small_serving() -> Iterator[Control]:
    for name in LARGE:
        for rows in (200, 500):
            for seed in (81, 82):
                source = _of(name)

                def build(source: TableSource = source, rows: int = rows, seed: int = seed) -> Case:
                    case = assign(source, seed, rows=15_002)
                    return case.with_frame("serving", case.frames["serving"].iloc[:rows])

                yield _control(source, "few serving rows", f"{rows} rows", seed, build)


def _as_float32(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(frame.select_dtypes("float64").columns, "float32"))


def _through_json(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as read back from JSON lines: whole numbers have no point, times as ISO text are unchanged."""
    times = list(frame.select_dtypes("datetime").columns)
    text = frame.drop(columns=times).to_json(orient="records", lines=True, double_precision=15)
    back = pd.DataFrame([json.loads(line) for line in text.splitlines()])
    return back.assign(**{name: frame[name].to_numpy() for name in times})[frame.columns]


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """Sorted by a column that is unrelated to the label, as most files are."""
    return frame.sort_values(list(frame.columns[1:3]), kind="stable")


def _as_categories(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(frame.select_dtypes("object").columns, "category"))


def _whole_as_floats(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(frame.select_dtypes("int64").columns, "float64"))


FORMS: tuple[tuple[str, Callable[[pd.DataFrame], pd.DataFrame]], ...] = (
    ("float32 copy", _as_float32),
    ("JSON round trip", _through_json),
    ("sorted rows", _sorted),
    ("reversed rows", lambda frame: frame.iloc[::-1]),
    ("columns in another order", lambda frame: frame[frame.columns[::-1]]),
    ("strings as categories", _as_categories),
    ("whole numbers as floats", _whole_as_floats),
)


def _same_values_in_another_form() -> Iterator[Control]:
    for name in (*LARGE, "breast_cancer"):
        for shape, change in FORMS:
            source = _of(name)

            def build(source: TableSource = source, change: Callable[[pd.DataFrame], pd.DataFrame] = change) -> Case:
                case = assign(source, 91, rows=15_002)
                changed = case.with_frame("serving", change(case.frames["serving"]))
                return changed.with_frame("eval", change(case.frames["eval"]))

            yield _control(source, shape, "eval and serving", 91, build)


def _sorted_by_label() -> Iterator[Control]:
    """The order of rows is no fault: a gate that refused this would judge files, not data."""
    for name in (*LARGE, "iris"):
        source = _of(name)

        def build(source: TableSource = source) -> Case:
            case = assign(source, 92, rows=15_002)
            for split in ("train", "eval"):
                case = case.with_frame(split, case.frames[split].sort_values(source.label, kind="stable"))
            return case

        yield _control(source, "rows sorted by label", "train and eval", 92, build)


def _spans_and_keys() -> Iterator[Control]:
    shares = {"train": 0.4, "eval": 0.1, "serving": 0.1, "previous": 0.4}
    for name in LARGE:
        source = _of(name)
        yield _control(source, "previous span alike", "", 95, lambda s=source: assign(s, 95, shares, rows=15_002))

        def keyed(source: TableSource = source) -> Case:
            case = assign(source, 96, rows=15_002).with_column(
                "record_id", lambda f: [f"r{each:07d}" for each in f.index]
            )
            again = case.frames["train"].iloc[:2_000].drop(columns=source.label)
            return case.with_frame("serving", _as_float32(again)).declaring(entity="record_id")

        yield _control(source, "served rows that were trained on", "by key, float32", 96, keyed)


def _images() -> Iterator[Control]:
    for seed in (101, 102, 103):
        for name, rows in (("digits", None), ("fashion", 12_000)):
            source = _of(name)
            yield _control(source, "images", "", seed, lambda s=source, i=seed, r=rows: assign(s, i, FOUR, rows=r))
    fashion = _of("fashion")
    yield _control(fashion, "images", "20,000", 104, lambda: assign(fashion, 104, FOUR, rows=20_000))
    yield _control(fashion, "images", "1,000", 105, lambda: assign(fashion, 105, FOUR, rows=1_000))

    def as_floats() -> Case:
        case = assign(fashion, 106, rows=8_000)
        return case.with_frame("serving", case.frames["serving"].astype("float32"))

    yield _control(fashion, "images", "serving as float32", 106, as_floats)


def _models() -> Iterator[Control]:
    for name in ("digits", "fashion", "taxi", "diamonds", "breast_cancer"):
        for seed in range(111, 115):
            source = _of(name)
            yield _control(source, "a sound model", "", seed, lambda s=source, i=seed: model_case(s, i, None))

    def other_device(source: TableSource, seed: int) -> ModelCase:
        from gates.model.evidence import Budgets

        case = model_case(source, seed, None)
        noise = np.random.default_rng(seed)

        def answer(frame: pd.DataFrame) -> np.ndarray:
            true = case.trained.scores(frame)
            return true + 1e-4 * noise.uniform(-1, 1, true.shape)

        # Another device: answers differ by some ten-thousandths, and repeated calls agree.
        served = case.served(answer)
        again = tuple(
            each
            if each.name in ("training", "evaluated")
            else type(each)(each.name, each.scores, each.scores, each.rows)
            for each in served.evidence.replays
        )
        return served.with_evidence(replays=again, budgets=Budgets(same_machine=False))

    for name in ("digits", "taxi"):
        source = _of(name)
        yield _control(source, "a sound model", "on another device", 116, lambda s=source: other_device(s, 116))


# Fresh random splits for the rate of false alarms: (table, rows, how many). Seeds that no control has.
FRESH: tuple[tuple[str, int | None, int], ...] = (
    ("taxi", 15_002, 40),
    ("flights", 12_000, 40),
    ("diamonds", 12_000, 40),
    ("breast_cancer", None, 30),
    ("wine", None, 30),
    ("iris", None, 30),
    ("diabetes", None, 30),
    ("flchain", None, 30),
    ("mortgages", None, 30),
    ("medicare", None, 20),
    ("big_five", None, 20),
    ("husbands", 6_000, 20),
    ("vietnam", 6_000, 20),
    ("budget_food", 6_000, 20),
    ("digits", None, 10),
    ("fashion", 4_000, 10),
)
FIRST_FRESH_SEED = 5_000
# Of each of the ten discrete tables, by the default split of the pipeline.
_OF_DISCRETE = 20


def fresh_splits() -> list[Control]:
    """The splits for measuring the false-alarm rate."""
    found = []
    for name, rows, count in FRESH:
        source = _of(name)
        for seed in range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + count):
            found.append(
                _control(source, "fresh split", "", seed, lambda s=source, i=seed, r=rows: assign(s, i, FOUR, rows=r))
            )
    for source in DISCRETE:
        for seed in range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + _OF_DISCRETE):
            made = partial(assign_by_content, source, seed)
            found.append(_control(source, "fresh split", "equal rows together", seed, made))
    return found
