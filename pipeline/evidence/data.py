"""Examples as the tables that gates judge, and the schema's facts about their columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx_bsl.coders import example_coder

from gates.data.declared import Declared
from gates.tables.sample import MOST_CELLS, singly
from gates.tables.table import Table
from pipeline.artifacts.examples import raw_batches, shards
from pipeline.artifacts.schema import served_features

# Faults rarer than a few in so many rows are beyond any check.
MOST_ROWS = 2_000_000
# Cells of a table that is judged beside the model: 20,000 rows of 1,000 columns, about 1 GiB.
CELLS_BESIDE_MODEL = 20_000_000
# About 3 GiB: a byte a pixel, and four where a check computes with them.
MOST_PIXELS = 600_000_000
# Shorter lists are no images, and packing them saves little.
_SHORTEST_IMAGE = 16
_BRIGHTEST = 255


def share_read(rows: int, pixels: int = 0, cells: int = 0) -> float:
    """The share of the rows that a gate reads, by the number of train's rows and of their pixels, and by the cells of
    all tables together."""
    return min(1.0, MOST_ROWS / max(rows, 1), MOST_PIXELS / max(rows * pixels, 1), MOST_CELLS / max(cells, 1))


def rows_within(columns: int) -> int:
    """How many rows of so many columns stay within `CELLS_BESIDE_MODEL`."""
    return max(1, CELLS_BESIDE_MODEL // max(columns, 1))


def read_table(
    examples: types.Artifact, split: str, name: str, share: float = 1.0, declared: Declared | None = None
) -> Table:
    """The rows of one split; the types are those of the Examples, not those of the schema.

    `share`: part of the rows that is kept, by their content. Copies of a row are kept or left out together, so the
    share of eval that is also in train does not change; of a very frequent row single copies are drawn.
    """
    return table_of(name, (raw for path in shards(examples, split) for raw in raw_batches(path)), share, declared)


def table_of(name: str, batches: Iterable[NDArray[Any]], share: float = 1.0, declared: Declared | None = None) -> Table:
    """Serialized examples as a table, with the images that are `declared` to be columns of pixels."""
    decoder = example_coder.ExamplesToRecordBatchDecoder()
    decoded = (_with_bytes(pa.Table.from_batches([decoder.DecodeBatch(raw.tolist())])) for raw in batches)
    kept = [rows if share >= 1 else _sampled(rows, share) for rows in decoded]
    table = _joined(_of_one_form(kept)) if kept else pa.table({})
    return Table.of(name, table, declared.images_in(table.column_names) if declared else None)


def _joined(tables: list[pa.Table]) -> pa.Table:
    """All rows; a column that a table lacks, or that is empty in it, is null there.

    What `pa.concat_tables` has an option for, but under another name since Arrow 14.
    """
    schema = pa.unify_schemas([table.schema for table in tables])
    return pa.concat_tables([_in_schema(table, schema) for table in tables])


def _in_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    held = {field.name for field in table.schema if field.type != pa.null()}
    columns = [table.column(field.name) if field.name in held else pa.nulls(len(table), field.type) for field in schema]
    return pa.table(columns, schema=schema)


def _with_bytes(rows: pa.Table) -> pa.Table:
    """Images, lists of integers, as vectors of bytes: an eighth of the memory."""
    for place, name in enumerate(rows.column_names):
        packed = _as_bytes(rows.column(name).combine_chunks())
        if packed is not None:
            rows = rows.set_column(place, name, packed)
    return rows


def _as_bytes(column: pa.Array) -> pa.FixedSizeListArray | None:
    """A column whose rows hold equally many integers from 0 to 255; None for any other."""
    if not (pa.types.is_large_list(column.type) and pa.types.is_int64(column.type.value_type)):
        return None
    lengths = np.asarray(pc.list_value_length(column).fill_null(0))
    if not len(lengths) or lengths[0] < _SHORTEST_IMAGE or (lengths != lengths[0]).any():
        return None
    values = column.flatten().to_numpy()
    if values.min() < 0 or values.max() > _BRIGHTEST:
        return None
    return pa.FixedSizeListArray.from_arrays(pa.array(values.astype(np.uint8)), int(lengths[0]))


def _of_one_form(tables: list[pa.Table]) -> list[pa.Table]:
    """Where not every batch of a column could be packed, and into vectors of one width, none is."""
    packed = {name for table in tables for name in table.column_names if _is_packed(table, name)}
    widths = {name: {table.schema.field(name).type for table in tables if _is_packed(table, name)} for name in packed}
    mixed = {name for name in packed if len(widths[name]) > 1 or not all(_is_packed(table, name) for table in tables)}
    return [_unpacked(table, mixed) for table in tables] if mixed else tables


def _is_packed(table: pa.Table, name: str) -> bool:
    return name in table.column_names and pa.types.is_fixed_size_list(table.schema.field(name).type)


def _unpacked(table: pa.Table, names: set[str]) -> pa.Table:
    for name in names:
        if _is_packed(table, name):
            vectors = table.column(name).combine_chunks()
            offsets = np.arange(len(vectors) + 1) * vectors.type.list_size
            lists = pa.LargeListArray.from_arrays(pa.array(offsets), vectors.flatten().cast(pa.int64()))
            table = table.set_column(table.column_names.index(name), name, lists)
    return table


def _sampled(rows: pa.Table, share: float) -> pa.Table:
    batch = Table.of("", rows)
    high, _ = batch.words(batch.columns)
    return batch.arrow.filter(pa.array(singly(high) < np.uint64(share * 2.0**64)))


def columns_not_served(schema: schema_pb2.Schema) -> frozenset[str]:
    """Columns that the schema's environments exclude from serving."""
    return frozenset(feature.name for feature in schema.feature) - frozenset(served_features(schema, ()))


def categorical_numbers(schema: schema_pb2.Schema) -> frozenset[str]:
    """Integer columns that are categorical by the schema."""
    return frozenset(feature.name for feature in schema.feature if feature.int_domain.is_categorical)


def required_columns(schema: schema_pb2.Schema) -> frozenset[str]:
    """Columns that every row must have."""
    return frozenset(feature.name for feature in schema.feature if feature.presence.min_fraction >= 1)
