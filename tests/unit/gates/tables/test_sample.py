"""Large tables are judged by a sample that is bounded by cells, the same for the same rows, copies together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from gates.tables.frames import tables_of
from gates.tables.sample import CellSample, cells_of, keys_of
from gates.tables.table import Table
from sources.rows import Rows

MOST = 20_000


def table(rows: int, seed: int = 0, columns: int = 4) -> pa.Table:
    """Numbers of chance and one column of text."""
    rng = np.random.default_rng(seed)
    numbers = {f"n{i}": rng.normal(size=rows).round(3) for i in range(columns)}
    return pa.table({**numbers, "town": rng.choice(["a", "b", "c"], rows)})


def rows_of(held: pa.Table) -> set[tuple[object, ...]]:
    """The distinct rows."""
    return {tuple(row.values()) for row in held.to_pylist()}


def test_tables_within_the_bound_are_kept_whole() -> None:
    given = {"train": table(1_000)}
    sample = CellSample(MOST)
    assert tables_of(given, sample=sample)["train"] is given["train"]
    assert sample.in_words({"train": 1_000}) == ""


def test_all_tables_together_keep_no_more_cells_than_the_bound() -> None:
    sample = CellSample(MOST)
    found = tables_of({"train": table(30_000), "test": table(6_000, 1)}, sample=sample)
    assert 5 * 1.1 * sum(each.num_rows for each in found.values()) > MOST / 2
    assert sum(cells_of(batch) for each in found.values() for batch in each.to_batches()) <= MOST
    kept = {name: each.num_rows for name, each in found.items()}
    words = sample.in_words(kept)
    assert words.startswith("30,000 rows of train and 6,000 rows of test with 5 columns")
    assert f"{kept['train']:,} of train and {kept['test']:,} of test" in words


def test_copies_of_a_row_are_kept_or_left_out_together() -> None:
    train = table(20_000)
    copied = pa.concat_tables([train.slice(0, 3_000), table(3_000, 1)])
    sample = CellSample(MOST)
    found = tables_of({"train": train, "test": copied}, sample=sample)
    shared = len(rows_of(found["test"]) & rows_of(found["train"]))
    assert 0.4 < shared / found["test"].num_rows < 0.6


def test_the_order_of_the_rows_does_not_change_the_sample() -> None:
    train = table(20_000)
    turned = train.take(pa.array(np.random.default_rng(1).permutation(20_000)))
    one, two = (tables_of({"train": each}, sample=CellSample(MOST))["train"] for each in (train, turned))
    assert rows_of(one) == rows_of(two)


def test_files_of_text_and_of_types_give_the_same_sample(tmp_path: Path) -> None:
    held = table(20_000)
    pa.csv.write_csv(held, str(tmp_path / "t.csv"))
    pq.write_table(held, str(tmp_path / "t.parquet"), row_group_size=5_000)
    found = [
        tables_of({"train": str(tmp_path / name)}, sample=CellSample(MOST))["train"] for name in ("t.csv", "t.parquet")
    ]
    words = [set(Table.of("train", each).words(each.column_names)[0].tolist()) for each in found]
    assert 0 < len(words[0]) < 5_000
    assert len(words[0] & words[1]) > 0.99 * max(map(len, words))


def test_where_most_rows_are_copies_every_combination_of_values_stays() -> None:
    rng = np.random.default_rng(0)
    discrete = pa.table({name: rng.integers(0, 3, 40_000) for name in ("a", "b")})
    sample = CellSample(MOST)
    found = tables_of({"train": discrete}, sample=sample)["train"]
    assert sample.by_row
    assert len(rows_of(found)) == 9
    assert MOST / 4 < found.num_rows * 2 <= MOST


def test_a_long_text_weighs_more_than_a_number_and_a_pixel_less() -> None:
    text = pa.RecordBatch.from_arrays([pa.array(["x" * 800] * 10)], ["text"])
    pixels = pa.array([[1] * 784] * 10, pa.list_(pa.int64()))
    assert cells_of(text) >= 1_000
    assert cells_of(pa.RecordBatch.from_arrays([pixels], ["image"])) == 653


def test_a_category_weighs_what_its_text_does() -> None:
    texts = pa.array([f"customer {i:06}" for i in range(100_000)])
    whole, encoded = (
        sum(map(cells_of, pa.table({"c": each}).to_batches(5_000))) for each in (texts, texts.dictionary_encode())
    )
    assert 0.9 * whole < encoded < 1.1 * whole


def test_a_number_has_one_key_as_text_and_as_a_number() -> None:
    lines = np.arange(3)
    text = pa.RecordBatch.from_arrays([pa.array(["1.0", "x", None])], ["c"])
    typed = pa.RecordBatch.from_arrays([pa.array([1, 2, None], pa.int64())], ["c"])
    as_text, as_number = keys_of(Rows(text, lines, False)), keys_of(Rows(typed, lines, True))
    assert as_text[0] == as_number[0]
    assert as_text[2] == as_number[2] == 0
    assert len({*as_text.tolist(), *as_number.tolist()}) == 4


@pytest.mark.parametrize("seed", range(5))
def test_a_very_frequent_row_is_as_frequent_in_the_sample(seed: int) -> None:
    rows = table(20_000, seed)
    defaults = pa.concat_tables([rows.slice(seed, 1)] * 6_000)
    given = {"train": rows, "serving": pa.concat_tables([rows.slice(6_000), defaults]).combine_chunks()}
    found = tables_of(given, sample=CellSample(MOST))["serving"]
    repeated = found.num_rows - len(rows_of(found))
    assert 0.25 < repeated / found.num_rows < 0.35


def test_rows_without_any_value_are_not_all_kept() -> None:
    full = table(20_000)
    empty = pa.table([pa.nulls(8_000, field.type) for field in full.schema], schema=full.schema)
    rows = pa.concat_tables([full, empty])
    found = tables_of({"train": rows}, sample=CellSample(MOST))["train"]
    assert 0.2 < found.column("town").null_count / found.num_rows < 0.37
