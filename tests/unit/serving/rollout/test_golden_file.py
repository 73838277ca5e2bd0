"""Golden requests as an export carries them: the same model answers them so that they pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from core.errors import SluiceError
from models.export.placeholders import MISSING
from serving.protocol.answers import answers_of
from serving.protocol.signature import columns_of
from serving.rollout.golden_file import read_golden
from serving.watch.window import scores_of
from serving.worker.model import LoadedModel
from tests.samples.served_models import export_ride_model, write_golden_file

ROWS: list[dict[str, Any]] = [
    {"fare": np.array([10.5], np.float32), "company": np.array([b"Blue"], object), "hour": np.array([8])},
    {
        "fare": np.array([MISSING[tf.float32]], np.float32),
        "company": np.array([b"\xff"], object),
        "hour": np.array([0]),
    },
]


def _export(folder: Path, rows: list[dict[str, Any]] = ROWS) -> str:
    path = str(export_ride_model(folder / "model", 0.25))
    model = LoadedModel(path)
    # A request without an answer warms a server up and is no golden one.
    write_golden_file(path, [*((row, model.predict(row)) for row in rows), (ROWS[0], {})])
    return path


def test_requests_are_instances_of_json_and_answers_have_the_names_of_the_classes(tmp_path: Path) -> None:
    golden = read_golden(_export(tmp_path))
    assert golden.instances == [
        {"fare": 10.5, "company": "Blue", "hour": 8},
        {"fare": None, "company": {"b64": "/w=="}, "hour": 0},
    ]
    assert json.loads(json.dumps(golden.instances)) == golden.instances
    assert golden.answers == [{"no tip": 0.75, "tip": 0.25}, {"no tip": 1.0, "tip": 0.0}]


def test_the_model_answers_them_as_recorded_on_the_road_of_a_server(tmp_path: Path) -> None:
    path = _export(tmp_path)
    golden, model = read_golden(path), LoadedModel(path)
    columns = columns_of(golden.instances, model.features)
    found = answers_of(model.predict(columns), model.classes)
    assert [scores_of(each) for each in found] == golden.answers


def test_an_export_without_the_file_has_no_golden_requests(tmp_path: Path) -> None:
    assert read_golden(str(export_ride_model(tmp_path / "model", 0.25))).instances == []


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = Path(_export(tmp_path)) / "assets.extra/tf_serving_warmup_requests"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(SluiceError, match="tf_serving_warmup_requests cannot be used"):
        read_golden(str(tmp_path / "model"))
