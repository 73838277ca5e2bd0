"""`gates.check`: all data checks on tables or files, for a notebook, a test or CI; no pipeline, no TensorFlow."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import SluiceError
from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.gate import judge_data
from gates.tables.frames import Given, tables_of
from gates.tables.label import compute_label, parse_label_expression
from gates.tables.normalise import is_number, normalised
from gates.tables.table import Table
from gates.tables.times import instants
from gates.verdict.finding import GateReport
from gates.verdict.judge import Progress
from gates.verdict.settings import GateSettings
from gates.workload import Workload, read_workload, settings_of

_PACKAGES = ("sluice", "numpy", "pyarrow", "scikit-learn", "scipy")


def check(
    train: Given,
    eval: Given = None,
    test: Given = None,
    serving: Given = None,
    previous: Given = None,
    *,
    label: str | None = None,
    entity: str | None = None,
    time: str | None = None,
    config: str | os.PathLike[str] | None = None,
    settings: GateSettings | Mapping[str, Any] | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> GateReport:
    """The DataGate's report on a training table and what is to be compared with it.

    A table is an Arrow table, a DataFrame, a dict of arrays, or the path of files in one of the formats of
    docs/sources.md (one file, a folder or a glob). `label` is the column to be learnt, `entity` the one that says whose
    row it is, `time` the one that says when it happened; `config` is a workload's YAML, over which these go. `settings`
    are as in its section `gates`; `strict` refuses where the data cannot decide.

    Raises:
      SluiceError: one sentence, for what cannot be used.
    """
    given = {"train": train, "eval": eval, "test": test, "serving": serving, "previous": previous}
    for word, said in {**given, "label": label, "entity": entity, "time": time}.items():
        if isinstance(said, str) and not said.strip():
            raise SluiceError(f"{word} is empty: nothing was named (is a shell variable unset?).")
    workload = _with_words(read_workload(os.fspath(config)) if config else Workload(), label, entity, time)
    chosen = workload.settings if settings is None else settings
    if not isinstance(chosen, GateSettings):
        chosen = settings_of(chosen)
    data = data_of({side: each for side, each in given.items() if each is not None}, workload)
    report = judge_data(data, chosen.model_copy(update={"strict": chosen.strict or strict}), progress=progress)
    return replace(report, versions=_versions())


def data_of(given: Mapping[str, Given], workload: Workload, in_order_of_source: bool = False) -> Data:
    """The evidence of the DataGate, with what the workload declares about it.

    The columns are ordered by their names, as in examples, so that their order decides nothing; `in_order_of_source`
    leaves them as they stand.

    Raises:
      SluiceError: when a table cannot be read, or lacks what is declared.
    """
    if "train" not in given:
        raise SluiceError("train is missing: there is nothing to check.", "All options:  python -m gates check --help")
    raw = _with_label(tables_of(given, workload.column_types), workload)
    _check_declared(raw["train"], given["train"], workload)
    _refuse_misspelt_columns(raw["train"], workload)
    raw = _with_times(raw, workload.time)
    if not in_order_of_source:
        raw = {side: _by_name(table) for side, table in raw.items()}
    tables = {side: Table.of(side, table) for side, table in raw.items()}
    return Data(
        train=tables["train"],
        held_out={side: tables[side] for side in ("eval", "test") if side in tables},
        serving=tables.get("serving"),
        previous=tables.get("previous"),
        declared=Declared(
            label=workload.label,
            entity=workload.entity,
            time=workload.time,
            split_by=workload.split_by,
            withheld=workload.withheld,
            known_after=workload.known_after,
            moments_declared=workload.moments_declared,
        ),
    )


def _by_name(table: pa.Table) -> pa.Table:
    # By place, as two columns may have one name, which is refused later.
    names = table.column_names
    return table.select(sorted(range(len(names)), key=names.__getitem__))


def _with_words(workload: Workload, label: str | None, entity: str | None, time: str | None) -> Workload:
    """What was said at the call goes over what the file says."""
    expression = workload.label_expression if label in (None, workload.label) else None
    return replace(
        workload,
        label=label or workload.label,
        label_expression=expression,
        entity=entity or workload.entity,
        time=time or workload.time,
    )


def _with_label(tables: dict[str, pa.Table], workload: Workload) -> dict[str, pa.Table]:
    """Computes the label where the table does not hold it and has the columns that it is computed from."""
    if workload.label is None or workload.label_expression is None:
        return tables
    expression = parse_label_expression(workload.label_expression)
    computed = {}
    for side, table in tables.items():
        if workload.label not in table.column_names and set(expression.names) <= set(table.column_names):
            cells = {name: _as_in_example(name, table) for name in expression.names}
            table = table.append_column(workload.label, compute_label(expression, cells))
        computed[side] = table
    return computed


def _as_in_example(name: str, table: pa.Table) -> pa.Array:
    """The column as the pipeline sees it: floats of 32 bits, text as bytes."""
    column = normalised("", table.select([name])).column(name).combine_chunks()
    if pa.types.is_floating(column.type):
        return column.cast(pa.float32(), safe=False)
    if pa.types.is_string(column.type):
        return column.cast(pa.large_string()).cast(pa.large_binary())
    if not (is_number(column.type) or pa.types.is_null(column.type)):
        raise SluiceError(f"the label cannot be computed from `{name}`, which holds {column.type}.")
    return column


def _check_declared(train: pa.Table, given: Given, workload: Workload) -> None:
    for word, name in (("label", workload.label), ("entity", workload.entity), ("time", workload.time)):
        if name in train.column_names and train.num_rows and train.column(name).null_count == train.num_rows:
            raise SluiceError(f"`{name}`, which was given as the {word}, has no value in any row of train.")
        if name is None or name in train.column_names:
            continue
        near = difflib.get_close_matches(name, train.column_names, 1)
        hint = f"; did you mean `{near[0]}`?" if near else f", which was given as the {word}."
        is_path = isinstance(given, str | os.PathLike)
        see = f"python -m gates describe --data {os.fspath(given)}" if is_path else ", ".join(train.column_names[:20])
        raise SluiceError(f"train has no column `{name}`{hint}", f"Its columns:  {see}")


def _refuse_misspelt_columns(train: pa.Table, workload: Workload) -> None:
    """A misspelt name would withhold nothing, and let the column through; or leave the wrong type."""
    said = [(name, "prediction withholds") for name in sorted(workload.withheld)]
    for name, who in [*said, *((name, "data.column_types names") for name in sorted(workload.column_types))]:
        near = difflib.get_close_matches(name, train.column_names, 1, cutoff=0.7)
        if name not in train.column_names and name != workload.label and near:
            raise SluiceError(f"{who} `{name}`, which is no column of train; did you mean `{near[0]}`?")


def _with_times(tables: dict[str, pa.Table], time: str | None) -> dict[str, pa.Table]:
    """ISO text in the time column becomes seconds since 1970, when all of it can."""
    held = {side: table for side, table in tables.items() if time in table.column_names}
    converted = {}
    for side, table in held.items():
        column = table.column(time).combine_chunks()
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        seconds = instants(column.cast(pa.string()))
        if np.isnan(seconds).sum() > column.null_count:
            return tables
        place = table.column_names.index(time)
        converted[side] = table.set_column(place, time, pa.array(seconds, from_pandas=True))
    return {**tables, **converted}


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
