"""Checks that preprocessing was fitted on train alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gates.data.contamination.scales import Scale
from gates.data.evidence import Data
from gates.tables.table import ColumnKind, Floats, Table
from gates.verdict.catalogue import Gate, Need, NotApplicable, NothingToJudge, check
from gates.verdict.measurement import Measurement

# The components that may read eval and test; every component may read train.
_LOOKERS = frozenset({"ExampleGen", "StatisticsGen", "ExampleValidator", "DataGate"})
_JUDGES = frozenset({"Evaluator", "References", "ModelGate"})
ALLOWED_READERS: dict[str, frozenset[str]] = {
    "test": _LOOKERS | _JUDGES,
    # Transform applies its graph to eval; that it analyses train alone is `analysers_read_train_only`.
    "eval": _LOOKERS | _JUDGES | {"Transform", "Tuner", "Trainer"},
}
_FEWEST_ROWS = 20
# A column with fewer values holds codes or counts, not a scaled measurement.
_FEWEST_VALUES = 20
# Steps of a constant divisor, not of a fitted range: percentages, grey levels, marks, cents.
_ROUND_STEPS = (10, 16, 20, 60, 64, 100, 255, 256, 1000)
_FLOAT32 = 1e-6
_FEWEST_RANGES = 2
# A column whose location and spread over train are this far from 0 and 1 was not scaled.
_FAR = 1.0


_SCALES = {"mean 0 and standard deviation 1": Scale.standard, "median 0 and interquartile range 1": Scale.robust}


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="columns that were scaled before the split, with what other rows than train's know",
    statistic="how many times nearer to 0 and 1 a column's location and spread are over all splits than over train",
    margin=10.0,
    rule="mean and deviation (or median and quartiles) over all splits are 10 times nearer to 0 and 1 than over train, "
    "and nearer than chance makes them in rows of a population that has 0 and 1; or two columns go from 0 to 1 over "
    "all splits, each end a row of its own, and train lacks an end",
    source="Kapoor & Narayanan 2023, L1.2 (pre-processing on train and test); docs/statistics.md, Scaling constants",
    needs=(Need.OTHER,),
)
def standardised_before_split(data: Data, margin: float) -> Iterator[Measurement]:
    """Scaling constants that hold over all rows: over train alone they are slightly off, as for any sample.

    The tolerance follows from the number of rows and the column's moments, and rounding (two decimals, float32) stays
    far below it. A column that was scaled on train is exact there and off over all rows.
    """
    tables = {split: table for split, table in data.others.items() if table.rows and split != "previous"}
    if not tables or data.train.rows < _FEWEST_ROWS:
        raise NotApplicable(f"train has fewer than {_FEWEST_ROWS} rows, or no other table has any")
    # The file that was scaled may have held all tables or only some of them.
    together = [chosen for count in range(len(tables), 0, -1) for chosen in combinations(tables, count)]
    pools = {" and ".join(["train", *chosen]): [tables[split] for split in chosen] for chosen in together}
    found = [each for name in data.features_of(ColumnKind.NUMBER) for each in _judge_column(data, name, pools, margin)]
    ranges = [each for words, pool in pools.items() if (each := _judge_ranges(data, words, pool))]
    found += [max(ranges, key=lambda each: bool(each.beyond))] if ranges else []
    if not found:
        raise NotApplicable("no feature holds measurements about 0, or from 0 to 1: nothing was scaled")
    yield from found


def _values(tables: list[Table], name: str) -> Floats | None:
    """The values of a measurement; None when the column is no measurement or a table lacks it."""
    if any(not table.has(name, ColumnKind.NUMBER) for table in tables):
        return None
    values = np.concatenate([table.numbers(name) for table in tables])
    values = values[~np.isnan(values)]
    # The squares of larger values overflow; no scaled column has such values.
    if len(values) < _FEWEST_ROWS or np.abs(values).max() > 1e30:
        return None
    return values if len(np.unique(values[:10_000])) >= min(_FEWEST_VALUES, len(values) // 2) else None


def _judge_column(data: Data, name: str, pools: dict[str, list[Table]], margin: float) -> Iterator[Measurement]:
    train_values = _values([data.train], name)
    if train_values is None or not _may_be_scaled(train_values):
        return
    best: tuple[float, float, str, str, float, float] | None = None
    for kind, scale in _SCALES.items():
        alone = scale(train_values)
        for words, pool in pools.items():
            values = _values([data.train, *pool], name)
            if values is None or alone.distance >= _FAR:
                continue
            whole = scale(values)
            ratio = alone.distance / max(whole.distance, _FLOAT32 / 100)
            chance = whole.chance if ratio > margin else 1.0
            each = (min(1.0, chance * len(_SCALES) * len(pools)), -ratio, kind, words, alone.distance, whole.distance)
            best = each if best is None else min(best, each)
    if best is None:
        return
    chance, minus_ratio, kind, words, alone_distance, whole_distance = best
    beyond = -minus_ratio > margin
    yield Measurement(
        subject=name,
        statistic="distance of train from location 0 and spread 1, in distances of all splits",
        value=-minus_ratio,
        n=len(train_values),
        p_value=chance,
        beyond=beyond,
        reason=f"Over {words} `{name}` is {whole_distance:.2g} away from {kind}, over train alone {alone_distance:.2g}"
        + (": the scale was learnt of other rows too." if beyond else "."),
        remedy=_REMEDY if beyond else "Nothing to do.",
    )


_REMEDY = "Scale after the split, with constants of train alone: leave it to Transform, which analyses train."


def _may_be_scaled(train: Floats) -> bool:
    """Whether train's values lie around 0; only then can the column have been standardised."""
    low, high = np.quantile(train, [0.01, 0.99])
    return bool(low < 0 < high)


def _judge_ranges(data: Data, words: str, pool: list[Table]) -> Measurement | None:
    """Columns that go from 0 to 1 exactly, with a single row at one end: the sign of min-max scaling.

    A natural share may have a single 1 too, so two such columns are required, and steps of a constant divisor (percent,
    grey levels) do not count. When train holds both ends, scaling on train alone gives the same values.
    """
    scaled, lacking = [], []
    for name in data.features_of(ColumnKind.NUMBER):
        whole = _values([data.train, *pool], name)
        if whole is None or whole.min() != 0 or whole.max() != 1 or _has_round_steps(whole):
            continue
        ends = [int((whole == end).sum()) for end in (0, 1)]
        if 1 not in ends:
            continue
        scaled.append(name)
        train_values = data.train.numbers(name)
        if any(count == 1 and not (train_values == end).any() for end, count in enumerate(ends)):
            lacking.append(name)
    if not scaled:
        return None
    beyond = bool(lacking) and len(scaled) >= _FEWEST_RANGES
    return Measurement(
        subject=", ".join(lacking or scaled),
        statistic="columns that go from 0 to 1 exactly over all splits, and not over train",
        value=float(len(lacking)),
        margin=0.0,
        n=data.train.rows,
        beyond=beyond,
        reason=f"Over {words} {len(scaled)} columns go from 0 to 1 exactly, at an end with one row only "
        f"({', '.join(scaled)}); in {len(lacking)} of them that row is not in train"
        + (": the range was learnt of other rows too." if beyond else "."),
        remedy=_REMEDY if beyond else "Nothing to do.",
    )


def _has_round_steps(values: NDArray[np.float64]) -> bool:
    few = values[:10_000]
    return any(bool((np.abs(few * step - np.rint(few * step)) < 1e-4).all()) for step in _ROUND_STEPS)


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="a component that reads a split which is not its own (a Tuner that reads test)",
    statistic="components that read a held-out split beyond their right",
    margin=0.0,
    rule="test: only what assigns, describes or judges data and models; eval: also Transform, Tuner and Trainer",
    source="Kapoor & Narayanan 2023, L1.1 (no test set); lineage as the pipeline wires it",
    tier=1,
)
def who_read_test(data: Data, _margin: float) -> Iterator[Measurement]:
    """Readers of test and eval by lineage, against `ALLOWED_READERS`. A fact without a p-value."""
    readers = {split: names for split, names in data.declared.readers_of.items() if split in ALLOWED_READERS}
    if not readers:
        raise NothingToJudge("no lineage is given of the components that read eval and test")
    for split, names in readers.items():
        # The part after the dot distinguishes several nodes of one component: `StatisticsGen.raw`.
        beyond = sorted({name for name in names if name.split(".")[0] not in ALLOWED_READERS[split]})
        yield Measurement(
            subject=split,
            statistic=f"components that read {split} beyond their right",
            value=float(len(beyond)),
            n=len(names),
            reason=f"{split} is read by {', '.join(beyond)}, which must not see it."
            if beyond
            else f"{split} is read by {', '.join(sorted(set(names))) or 'no component'}, as it may be.",
            remedy=f"Give {', '.join(beyond)} the splits that are its own: take `{split}` out of its inputs."
            if beyond
            else "Nothing to do.",
        )


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="vocabularies and scales fitted on more than train (`analyze: [train, eval]`)",
    statistic="splits besides train that Transform's analysers read",
    margin=0.0,
    rule="any split besides train",
    source="Kapoor & Narayanan 2023, L1.2; tfx.v1.proto.SplitsConfig.analyze",
    tier=1,
)
def analysers_read_train_only(data: Data, margin: float) -> Iterator[Measurement]:
    """Which splits Transform analyses. A fact without a p-value."""
    analysed = data.declared.analysed_splits
    if analysed is None:
        raise NothingToJudge("no lineage is given of the splits that Transform analyses")
    beyond = [split for split in analysed if split != "train"]
    fault = bool(beyond) or "train" not in analysed
    yield Measurement(
        subject=", ".join(beyond) or "train",
        statistic="splits besides train that analysers read",
        value=float(len(beyond)),
        n=len(analysed),
        beyond=len(beyond) > margin or fault,
        reason=f"Transform's analysers read {', '.join(analysed) or 'no split'}; train alone is theirs."
        if fault
        else "Transform's analysers read train alone.",
        remedy="Set `splits_config.analyze` to `train` alone: vocabularies and scales must not know held-out rows."
        if fault
        else "Nothing to do.",
    )
