"""A log of requests as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import SluiceError
from sources.format import Rows
from sources.formats import format_named
from sources.kinds import Kind
from sources.prediction_log import PredictionLog, put_tensor
from sources.prediction_rows import MISSING_INT
from sources.tfrecord import frame_records

TFRECORD = format_named("tfrecord")


def _record(inputs: Mapping[str, Any]) -> bytes:
    log = PredictionLog()
    for name, values in inputs.items():
        put_tensor(log.predict_log.request.inputs, name, values)
    log.predict_log.response.model_spec.name = "rides"
    record: bytes = log.SerializeToString()
    return record


def _read(folder: Path, *records: bytes, only: list[str] | None = None) -> Rows:
    path = folder / "log.tfrecord"
    path.write_bytes(frame_records(list(records)))
    (rows,) = TFRECORD.read(TFRECORD.whole(str(path)), only)
    return rows


TWO = {
    "fare": np.array([5.25, np.nan], np.float32),
    "company": np.array([b"Blue", b""], object),
    "hour": np.array([8, MISSING_INT]),
    "is_night": np.array([False, True]),
    "image": np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1),
}


def test_a_request_of_two_instances_is_two_rows_and_placeholders_are_missing_values(tmp_path: Path) -> None:
    rows = _read(tmp_path, _record(TWO), _record({name: values[:1] for name, values in TWO.items()}))
    first = {"fare": 5.25, "company": b"Blue", "hour": 8, "is_night": 0, "image": [0, 1, 2, 3]}
    second = {"fare": None, "company": None, "hour": None, "is_night": 1, "image": [4, 5, 6, 7]}
    assert rows.columns.to_pylist() == [first, second, first]
    assert rows.lines.tolist() == [1, 1, 2]
    assert rows.typed
    assert not rows.rejects


def test_columns_and_kinds_are_those_of_the_inputs(tmp_path: Path) -> None:
    _read(tmp_path, _record(TWO))
    path = str(tmp_path / "log.tfrecord")
    kinds = {"fare": Kind.FLOAT, "company": Kind.BYTES, "hour": Kind.INT, "is_night": Kind.INT, "image": Kind.INT}
    assert TFRECORD.columns(path) == tuple(kinds)
    assert TFRECORD.survey(path).kinds == kinds


def test_columns_that_are_wanted_alone_are_read(tmp_path: Path) -> None:
    assert _read(tmp_path, _record(TWO), only=["hour"]).columns.to_pylist() == [{"hour": 8}, {"hour": None}]


def test_an_input_that_some_requests_lack_is_missing_there(tmp_path: Path) -> None:
    one, two = _record({"fare": np.array([1.0], np.float32)}), _record({"hour": np.array([8])})
    assert _read(tmp_path, one, two, one).columns.to_pylist() == [
        {"fare": 1.0, "hour": None},
        {"fare": None, "hour": 8},
        {"fare": 1.0, "hour": None},
    ]


def test_versions_may_differ_in_whole_and_decimal_numbers(tmp_path: Path) -> None:
    rows = _read(tmp_path, _record({"hour": np.array([8])}), _record({"hour": np.array([8.5], np.float32)}))
    assert rows.columns.to_pylist() == [{"hour": 8.0}, {"hour": 8.5}]


def test_numbers_and_text_in_one_column_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="`hour` is int64 and text in different requests"):
        _read(tmp_path, _record({"hour": np.array([8])}), _record({"hour": np.array([b"8"], object)}))


@pytest.mark.parametrize(
    "bad",
    [
        b"\xff\xff",
        _record({}),
        _record({"fare": np.array([], np.float32)}),
        _record({"fare": np.array(1.0, np.float32)}),
        _record({"fare": np.array([1.0], np.float32), "hour": np.array([1, 2])}),
    ],
    ids=["no message", "no inputs", "no rows", "a scalar", "rows that do not agree"],
)
def test_a_record_without_rows_is_a_reject_with_its_number(tmp_path: Path, bad: bytes) -> None:
    good = _record({"fare": np.array([1.0], np.float32)})
    rows = _read(tmp_path, good, bad, good)
    assert rows.columns.num_rows == 2
    assert [(each.line, each.reason) for each in rows.rejects] == [(2, "is not a PredictionLog with rows")]
