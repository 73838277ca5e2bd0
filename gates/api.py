"""`gates.check`: all data checks on tables or files, for a notebook, a test or CI; no pipeline, no TensorFlow."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NoReturn

import numpy as np
import pyarrow as pa

from core.errors import SluiceError
from core.text import did_you_mean, shortened
from core.version import VERSION
from gates.data.evidence import Data
from gates.data.gate import judge_data
from gates.data.target import remarks_on_label
from gates.tables.files import LEADING_ZEROS, WHY_TEXT
from gates.tables.frames import Given, tables_of
from gates.tables.label import compute_label, parse_label_expression
from gates.tables.normalise import is_bytes, is_number, normalised, single_values
from gates.tables.numbered import may_be_image, numbered_columns
from gates.tables.sample import CellSample
from gates.tables.table import ColumnKind, Table
from gates.tables.times import TIME_FORMS, Floats, instants, sorts_as_text
from gates.verdict.finding import GateReport
from gates.verdict.judge import Progress
from gates.verdict.settings import GateSettings
from gates.workload import Workload, read_workload, reading_with, settings_of

_KEEP_ZEROS = "To keep them:  data.column_types: {COLUMN: string}  in the YAML of --config."
_SHOWN = 60
_PACKAGES = ("numpy", "pyarrow", "scikit-learn", "scipy")


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
    label_kind: Literal["classes", "quantity"] | None = None,
    image: str | Sequence[str] = (),
    config: str | os.PathLike[str] | None = None,
    settings: GateSettings | Mapping[str, Any] | None = None,
    strict: bool = False,
    reading: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    on_sample: Callable[[str], None] | None = None,
) -> GateReport:
    """The DataGate's report on a training table and the tables to compare with it.

    A table is an Arrow table, a DataFrame, a dict of arrays, or the path of files in one of the formats of
    docs/sources.md (one file, a folder or a glob). `label` is the column to predict, `entity` the column that
    identifies the unit of a row, `time` the column with the time of a row; `label_kind` states whether the label's
    values are classes or a quantity (without it the values decide); `image` names images that are stored as numbered
    columns: `pixel` for `pixel1`, `pixel2`, … `config` is a workload's YAML, which these override. `settings` are as in
    its section `gates`; `strict` refuses where the rows are too few to decide. `reading` says how files are read:
    `separator`, `decimal`, `thousands` and `missing` as in `data.csv`, and `ignore_columns`; it goes over what `config`
    says. `progress` is called before each check with its name, its place and the number of checks; `on_sample` before
    the first one, with a sentence, where the tables are so large that a sample of their rows is judged.

    Raises:
      SluiceError: when a table, a named column or the configuration cannot be used.
    """
    given = {"train": train, "eval": eval, "test": test, "serving": serving, "previous": previous}
    images = (image,) if isinstance(image, str) else tuple(image)
    named = [("label", label), ("entity", entity), ("time", time), *(("image", each) for each in images)]
    for word, value in (*given.items(), *named):
        if isinstance(value, str) and not value.strip():
            raise SluiceError(f"{word} is empty: nothing was named (is a shell variable unset?).")
    workload = _with_words(read_workload(os.fspath(config)) if config else Workload(), label, entity, time)
    workload = _with_kinds(workload, label_kind, images)
    workload = workload.model_copy(update={"reading": reading_with(workload.reading, reading or {})})
    chosen = workload.settings if settings is None else settings
    if not isinstance(chosen, GateSettings):
        chosen = settings_of(chosen)
    data = data_of({side: each for side, each in given.items() if each is not None}, workload, on_sample=on_sample)
    report = judge_data(data, chosen.model_copy(update={"strict": chosen.strict or strict}), progress=progress)
    return replace(report, versions=_versions(), notes=(*data.notes, *report.notes, *remarks_on_label(data)))


def data_of(
    given: Mapping[str, Given],
    workload: Workload,
    in_order_of_source: bool = False,
    on_sample: Callable[[str], None] | None = None,
) -> Data:
    """The evidence of the DataGate, with what the workload declares about it.

    The columns are ordered by their names, as in examples, so that their order decides nothing; `in_order_of_source`
    leaves them as they stand. `on_sample` is called with a sentence where the tables are too large to be judged whole.

    Raises:
      SluiceError: when train is missing, a table cannot be read, or one lacks a column that the workload names.
    """
    if "train" not in given:
        raise SluiceError("train is missing: there is nothing to check.", "All options:  python -m gates check --help")
    absent = workload.absent_by_right.union(workload.reading.ignore_columns)
    workload = workload.model_copy(update={"absent_by_right": absent})
    sample = CellSample()
    read = tables_of(given, workload.column_types, workload.reading, sample)
    sampled = sample.in_words({side: table.num_rows for side, table in read.items()})
    if sampled and on_sample is not None:
        on_sample(sampled)
    raw = _with_label(read, workload)
    _check_declared(raw["train"], given["train"], workload)
    _refuse_misspelt_columns(raw["train"], workload)
    _check_images(raw["train"], workload)
    raw = _with_entities(_with_times(raw, workload.time), workload.entity)
    if not in_order_of_source:
        raw = {side: _by_name(table) for side, table in raw.items()}
    tables = {side: Table.of(side, table, workload.images_in(table.column_names)) for side, table in raw.items()}
    _check_quantity(tables["train"], workload)
    return Data(
        train=tables["train"],
        held_out={side: tables[side] for side in ("eval", "test") if side in tables},
        serving=tables.get("serving"),
        previous=tables.get("previous"),
        declared=workload,
        notes=(
            *([f"{sampled}."] if sampled else []),
            *_notes(read),
            *_like_split_column(tables["train"], workload),
            *_possible_images(tables["train"], workload),
        ),
    )


def _notes(tables: Mapping[str, pa.Table]) -> tuple[str, ...]:
    lost: dict[str, str] = {}
    notes: list[str] = []
    for table in tables.values():
        metadata = table.schema.metadata or {}
        lost = json.loads(metadata.get(LEADING_ZEROS, b"{}")) | lost
        notes += json.loads(metadata.get(WHY_TEXT, b"[]"))
    if lost:
        columns = shortened([f"`{name}` ({text})" for name, text in lost.items()], 4)
        notes.append(f"{columns}: leading zeros and + are lost, for the values are read as numbers. {_KEEP_ZEROS}")
    return tuple(dict.fromkeys(notes))


def _like_split_column(train: Table, workload: Workload) -> list[str]:
    """Tables that were split by a column may come without it, so that a similar one is noted and not refused."""
    may_lack = workload.withheld & workload.absent_by_right - set(workload.reading.ignore_columns) - set(train.columns)
    hints = {name: did_you_mean(name, train.columns, cutoff=0.7) for name in sorted(may_lack)}
    return [f"`{name}` (`split.column`) is no column of train{hint}" for name, hint in hints.items() if hint]


def _possible_images(train: Table, workload: Workload) -> list[str]:
    """A note for each group of columns that may be the pixels of an image: without a declaration nothing is joined."""
    never = workload.never_pixels
    numbers = [name for name in train.columns if name not in never and train.has(name, ColumnKind.NUMBER)]
    return [
        f"`{members[0]}` … `{members[-1]}`: {len(members):,} columns, judged one by one. If they are the pixels of one "
        f"image:  --image {prefix}  (`data.pixel_columns: [{prefix}]` in the YAML of --config)."
        for prefix, members in numbered_columns(numbers).items()
        if prefix and may_be_image(members)
    ]


def _by_name(table: pa.Table) -> pa.Table:
    # By place, as two columns may have one name, which is refused later.
    names = table.column_names
    return table.select(sorted(range(len(names)), key=names.__getitem__))


def _with_words(workload: Workload, label: str | None, entity: str | None, time: str | None) -> Workload:
    """The workload with the caller's columns, which override the file's."""
    expression = workload.label_expression if label in (None, workload.label) else None
    words = {"label": label or workload.label, "entity": entity or workload.entity, "time": time or workload.time}
    return workload.model_copy(update={**words, "label_expression": expression})


def _with_kinds(workload: Workload, label_kind: str | None, images: tuple[str, ...]) -> Workload:
    if label_kind not in (None, "classes", "quantity"):
        raise SluiceError(f"the kind of the label is `{label_kind}`; it must be classes or quantity.")
    return workload.model_copy(
        update={"label_kind": label_kind or workload.label_kind, "pixel_columns": images or workload.pixel_columns}
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
        hint = did_you_mean(name, train.column_names, f", which was given as the {word}.")
        is_path = isinstance(given, str | os.PathLike)
        see = f"python -m gates describe --data {os.fspath(given)}" if is_path else ", ".join(train.column_names[:20])
        raise SluiceError(f"train has no column `{name}`{hint}", f"Its columns:  {see}")


def _refuse_misspelt_columns(train: pa.Table, workload: Workload) -> None:
    """Refuse a misspelt name: it would withhold no column, or leave a column with the wrong type."""
    named = [(name, "prediction withholds") for name in sorted(workload.withheld)]
    for name, who in [*named, *((name, "data.column_types names") for name in sorted(workload.column_types))]:
        hint = did_you_mean(name, train.column_names, cutoff=0.7)
        if name not in {workload.label, *workload.absent_by_right, *train.column_names} and hint:
            raise SluiceError(f"{who} `{name}`, which is no column of train{hint}")


def _check_quantity(train: Table, workload: Workload) -> None:
    if workload.label_kind == "quantity" and workload.label and not train.has(workload.label, ColumnKind.NUMBER):
        raise SluiceError(
            f"`{workload.label}` holds no numbers and cannot be a quantity.",
            "Judge it as classes:  --label-kind classes",
        )


def _check_images(train: pa.Table, workload: Workload) -> None:
    found = workload.images_in(train.column_names)
    for image in workload.pixel_columns:
        members = found.get(image, ())
        if len(members) < 2:
            numbered = [name for name, columns in numbered_columns(train.column_names).items() if len(columns) > 1]
            hint = did_you_mean(
                image, numbered, f"; numbered columns there: {shortened(sorted(numbered), 5) or 'none'}."
            )
            raise SluiceError(
                f"train has no columns `{image}1`, `{image}2`, … that could be the pixels of the image `{image}`{hint}",
                "Name what they are called without the number:  --image NAME",
            )
        if image in train.column_names and image not in members:
            raise SluiceError(
                f"train has a column `{image}` beside `{members[0]}` … `{members[-1]}`, and their image would have its "
                "name.",
                "Rename that column, then run the command again.",
            )


def _with_times(tables: dict[str, pa.Table], time: str | None) -> dict[str, pa.Table]:
    """Converts text in the time column to seconds since 1970, or leaves it when its order as text is that of time."""
    held = _columns(tables, time, "time")
    texts = {side: column for side, column in held.items() if _is_text(column.type)}
    seconds = {side: instants(column.cast(pa.large_binary())) for side, column in texts.items()}
    unread = {side: _unread(column, seconds[side]) for side, column in texts.items()}
    if not any(unread.values()):
        return _with_columns(tables, time, {side: pa.array(each, from_pandas=True) for side, each in seconds.items()})
    if not all(map(sorts_as_text, (value for values in unread.values() for value in values))):
        _refuse_no_times(unread, str(time), tables)
    return _with_columns(tables, time, held)


def _unread(column: pa.Array, seconds: Floats) -> list[bytes]:
    """The texts that are no times; a blank one is a missing time."""
    texts = column.filter(pa.array(np.isnan(seconds))).drop_null().cast(pa.large_binary()).to_pylist()
    return [text for text in texts if text.strip()]


def _refuse_no_times(unread: Mapping[str, list[bytes]], time: str, tables: Mapping[str, pa.Table]) -> NoReturn:
    side = next(side for side, texts in unread.items() if texts)
    # The least one, as the order of the rows decides nothing.
    first = min(unread[side]).decode("utf-8", "backslashreplace")[:_SHOWN]
    raise SluiceError(
        f"`{time}`, which was given as the time, holds `{first}` in {side}, which is no time that can be read "
        f"({len(unread[side]):,} of {tables[side].num_rows:,} rows).",
        f"Write times as {TIME_FORMS}.",
    )


def _with_entities(tables: dict[str, pa.Table], entity: str | None) -> dict[str, pa.Table]:
    """Converts an entity key of bytes that are no text (a UUID, a hash) to hexadecimal digits: it is no image."""
    held = _columns(tables, entity, "entity")
    for side, column in held.items():
        if is_bytes(column.type) and not _is_utf8(column):
            digits = [None if value is None else value.hex() for value in column.to_pylist()]
            held[side] = pa.array(digits, pa.string())
    return _with_columns(tables, entity, held)


def _columns(tables: Mapping[str, pa.Table], name: str | None, word: str) -> dict[str, pa.Array]:
    """A declared column of each table that has it, with one value a row."""
    held = {}
    for side, table in tables.items():
        if name in table.column_names:
            held[side] = single_values(table.column(name))
            if held[side] is None:
                raise SluiceError(f"`{name}`, which was given as the {word}, has several values in a row of {side}.")
    return held


def _with_columns(
    tables: dict[str, pa.Table], name: str | None, columns: Mapping[str, pa.Array]
) -> dict[str, pa.Table]:
    changed = {
        side: tables[side].set_column(tables[side].column_names.index(name), name, column)
        for side, column in columns.items()
    }
    return {**tables, **changed}


def _is_utf8(column: pa.Array) -> bool:
    try:
        column.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or is_bytes(kind))


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"sluice": VERSION}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
