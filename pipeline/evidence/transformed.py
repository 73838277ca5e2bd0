"""What Transform makes of the rows, beside the raw columns that it makes it of, for the leakage checks of the
ModelGate."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from numpy.typing import NDArray
from tensorflow.python.saved_model.loader_impl import parse_saved_model
from tfx.dsl.io import fileio

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.model.evidence import transformed_name
from gates.tables.table import ColumnKind, Table
from models.export.replay import TrainingPath
from pipeline.artifacts.examples import as_text, evenly
from pipeline.evidence.data import rows_within, table_of

MOST_ROWS = 10_000
# A longer vector is an image or an embedding: the DataGate looks for marks in images.
WIDEST = 64
_FEWEST_CONSTANTS = 20
_KEYS = (tf.string.as_datatype_enum, tf.int64.as_datatype_enum, tf.int32.as_datatype_enum)
_BETWEEN_FIELDS = re.compile(rb"[,;\t ]")
_SINGLE = (ColumnKind.NUMBER, ColumnKind.CATEGORY)


def transformed_tables(path: TrainingPath, rows: Mapping[str, NDArray[Any]], declared: Declared) -> dict[str, Data]:
    """By split, its rows as a table of raw columns and transformed features; empty where no feature is short enough.

    `rows`: serialized examples. Of more than 10,000 as many are taken, evenly spaced.
    """
    columns = Declared(
        label=declared.label,
        entity=declared.entity,
        withheld=declared.withheld,
        categorical=frozenset({declared.label or ""}),
    )
    found = {}
    for split, raw in rows.items():
        most = min(MOST_ROWS, rows_within(len(table_of(split, [raw[:1]]).columns))) if len(raw) else 0
        chosen = raw[evenly(len(raw), most)]
        made = dict(_columns(path.features(chosen))) if len(chosen) else {}
        if made:
            found[split] = Data(_beside(split, table_of(split, [chosen]), made), declared=columns)
    return found


def transformation_in(transform_graph: str) -> str:
    """The folder of the SavedModel in a transform graph."""
    return str(tft.TFTransformOutput(transform_graph).transform_savedmodel_dir)


def written_at(folder: str) -> float:
    """When the graph of a SavedModel was written, in seconds since 1970."""
    return float(tf.io.gfile.stat(posixpath.join(folder, "saved_model.pb")).mtime_nsec) / 1e9


def constants_of(transform_graph: str) -> dict[str, frozenset[str]]:
    """Lists of texts and of whole numbers in the graph of Transform and in its files, as text, by name; an arithmetic
    progression is no list of keys."""
    folder = transformation_in(transform_graph)
    graph = parse_saved_model(folder).meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    found = {}
    for node in nodes:
        if node.op == "Const" and node.attr["value"].tensor.dtype in _KEYS:
            values = tf.make_ndarray(node.attr["value"].tensor).reshape(-1)
            if len(values) >= _FEWEST_CONSTANTS and not _is_progression(values):
                found[node.name] = frozenset(map(_text, values.tolist()))
    for path in fileio.glob(posixpath.join(folder, "assets", "*")):
        with fileio.open(path, "rb") as file:
            lines = [line for line in file.read().splitlines() if line]
        if len(lines) >= _FEWEST_CONSTANTS:
            # A vocabulary with frequencies, or a table of keys and values: the fields of a line count by themselves.
            found[posixpath.basename(path)] = frozenset(
                _text(part) for line in lines for part in {line, *_fields(line)}
            )
    return found


def _is_progression(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "iu" and len(np.unique(np.diff(np.sort(values)))) == 1


def _fields(line: bytes) -> list[bytes]:
    return [part.strip() for part in _BETWEEN_FIELDS.split(line)]


def _text(value: bytes | int) -> str:
    return as_text(value) if isinstance(value, bytes) else str(value)


def _columns(features: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, pa.Array]]:
    """One column for each number of a short feature."""
    for name, values in sorted(features.items()):
        flat = values.reshape(len(values), -1)
        if values.ndim > 2 or flat.shape[1] > WIDEST:
            continue
        for place in range(flat.shape[1]):
            numbered = name if flat.shape[1] == 1 else f"{name}[{place}]"
            yield transformed_name(numbered), _array(flat[:, place])


def _array(values: NDArray[Any]) -> pa.Array:
    if values.dtype != object:
        return pa.array(values)
    return pa.array(map(as_text, values), pa.string())


def _beside(split: str, raw: Table, made: Mapping[str, pa.Array]) -> Table:
    single = raw.arrow.select([name for name in raw.columns if raw.kinds[name] in _SINGLE])
    # In the order of the table, which a Table sorts by content.
    for name, column in made.items():
        single = single.append_column(name, column.take(pa.array(raw.position)))
    return Table.of(split, single)
