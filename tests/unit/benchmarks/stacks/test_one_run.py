"""The hash of a split is that of its rows."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from benchmarks.stacks.one_run import fingerprint

Row = dict[str, float | bytes | None]


def written(folder: Path, *files: list[Row]) -> Path:
    folder.mkdir()
    for number, rows in enumerate(files):
        with tf.io.TFRecordWriter(str(folder / f"data-{number}.gz"), "GZIP") as writer:
            for row in rows:
                writer.write(tf.train.Example(features=tf.train.Features(feature=features(row))).SerializeToString())
    return folder


def features(row: Row) -> dict[str, tf.train.Feature]:
    return {name: feature(value) for name, value in row.items()}


def feature(value: float | bytes | None) -> tf.train.Feature:
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value])) if value is not None else tf.train.Feature()


def test_order_of_rows_and_columns_and_number_of_files_do_not_matter(tmp_path: Path) -> None:
    one: Row = {"fare": 12.1, "company": b"A", "tips": None}
    other: Row = {"fare": 3.5, "company": b"B", "tips": 1.0}
    first = fingerprint(written(tmp_path / "first", [one, other]))
    assert fingerprint(written(tmp_path / "second", [other], [dict(reversed(one.items()))])) == first


def test_another_value_a_lost_row_and_a_doubled_one_are_seen(tmp_path: Path) -> None:
    row: Row = {"fare": 12.1, "company": b"A"}
    found = {
        fingerprint(written(tmp_path / str(number), rows))
        for number, rows in enumerate(([row], [row, row], [], [{**row, "fare": 12.2}], [{"fare": 12.1}]))
    }
    assert len(found) == 5
