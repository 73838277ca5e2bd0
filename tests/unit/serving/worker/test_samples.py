"""Golden requests that a person can try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from serving.worker import samples
from serving.worker.model import LoadedModel
from serving.worker.samples import MOST_SAMPLES, samples_of
from tests.samples.served_models import export_image_model, export_ride_model, write_golden_file


def _rides(folder: Path, rows: int) -> LoadedModel:
    path = export_ride_model(folder, 0.25)
    row: dict[str, Any] = {
        "fare": np.array([12.3, np.nan], np.float32),
        "company": np.array([b"Blue", b"\xff"], object),
        "hour": np.array([8, np.iinfo(np.int64).min]),
    }
    write_golden_file(path, [(row, {})] * rows)
    return LoadedModel(str(path))


def test_each_row_is_an_instance_as_a_client_sends_it(tmp_path: Path) -> None:
    assert samples_of(_rides(tmp_path / "model", 1)) == [
        {"fare": 12.3, "company": "Blue", "hour": 8},
        {"fare": None, "company": {"b64": "/w=="}, "hour": None},
    ]


def test_there_are_no_more_than_a_person_looks_through(tmp_path: Path) -> None:
    assert len(samples_of(_rides(tmp_path / "model", 30))) == MOST_SAMPLES


def test_they_stay_within_the_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = _rides(tmp_path / "model", 30)
    monkeypatch.setattr(samples, "MOST_BYTES", 200)
    found = samples_of(model)
    assert 0 < sum(len(orjson.dumps(each)) for each in found) <= 200
    assert len(found) < MOST_SAMPLES


def test_images_are_pngs(tmp_path: Path) -> None:
    path = export_image_model(tmp_path / "model")
    write_golden_file(path, [({"image": np.full((1, 4, 4, 1), 200)}, {})])
    [sample] = samples_of(LoadedModel(str(path)))
    assert sample["image"]["b64"].startswith("iVBORw0KGgo")


def test_an_export_without_golden_requests_has_none(tmp_path: Path) -> None:
    assert samples_of(LoadedModel(str(export_ride_model(tmp_path / "model", 0.25)))) == []
