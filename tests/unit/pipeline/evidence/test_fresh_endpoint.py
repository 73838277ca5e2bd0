"""The golden requests of an export, answered over HTTP beside the replays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from models.export.placeholders import MISSING
from models.export.served_form import ServedForm
from pipeline.evidence.fresh_endpoint import ANSWERED, RECORDED, golden_answers
from serving.worker.model import LoadedModel
from tests.samples.served_models import export_ride_model, write_form, write_golden_file

FARES = [10.5, MISSING[tf.float32], 3.0]
HOURS = [8, 0, 23]


def _exported(folder: Path, answer: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> str:
    """An export with three golden requests, whose recorded answers are those of the model, as `answer` alters them."""
    path = export_ride_model(folder / "model", 0.25)
    model = LoadedModel(str(path))
    rows = [
        {"fare": np.array([fare], np.float32), "company": np.array([b"Blue"], object), "hour": np.array([hour])}
        for fare, hour in zip(FARES, HOURS, strict=True)
    ]
    write_golden_file(path, [(row, answer(model.predict(row))) for row in rows])
    return str(path)


def test_the_answers_over_http_are_those_that_were_recorded(tmp_path: Path) -> None:
    found = golden_answers(_exported(tmp_path))
    np.testing.assert_allclose(found[RECORDED], [[0.75, 0.25], [1.0, 0.0], [0.75, 0.25]])
    np.testing.assert_array_equal(found[ANSWERED], found[RECORDED])


def test_a_record_that_the_model_does_not_meet_is_seen(tmp_path: Path) -> None:
    found = golden_answers(_exported(tmp_path, lambda outputs: {"predictions": outputs["predictions"] + 0.125}))
    np.testing.assert_allclose(found[RECORDED][:, 1] - found[ANSWERED][:, 1], 0.125)


def test_a_value_that_the_export_declares_required_and_a_client_may_lack_is_a_problem(tmp_path: Path) -> None:
    path = _exported(tmp_path)
    write_form(Path(path), ServedForm("tipped", ["no tip", "tip"], ["hour", "fare"]))
    [problem] = golden_answers(path).values()
    assert str(problem) == 'request 2 got 400, instance 0: feature "fare": expected a number, got nothing'


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_recorded_answer_that_no_endpoint_can_give_is_a_problem(tmp_path: Path, value: float) -> None:
    [problem] = golden_answers(_exported(tmp_path, lambda _: {"predictions": np.array([[value]], np.float32)})).values()
    assert "not a finite number" in str(problem)


def test_an_export_without_golden_requests_has_nothing_to_compare(tmp_path: Path) -> None:
    assert golden_answers(str(export_ride_model(tmp_path / "model", 0.25))) == {}
