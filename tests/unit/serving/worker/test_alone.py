"""A loaded model asked over HTTP within a process."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from serving.worker.alone import answers_over_http
from serving.worker.model import LoadedModel
from tests.samples.served_models import RIDE, export_ride_model


def test_each_body_has_its_answer_and_nothing_stays_behind(tmp_path: Path) -> None:
    model = LoadedModel(str(export_ride_model(tmp_path / "model", 0.25)))
    before = threading.active_count()
    good, bad = (json.dumps({"instances": [each]}).encode() for each in (RIDE, {"hour": "eight"}))
    (first, answer), (second, refusal), (third, again) = answers_over_http(model, [good, bad, good])
    assert (first, second, third) == (200, 400, 200)
    assert json.loads(answer)["predictions"][0]["scores"] == {"no tip": 0.75, "tip": 0.25}
    assert answer == again
    assert "expected a whole number" in json.loads(refusal)["error"]["message"]
    # The thread that computes, of the batcher, is idle and ends with the process.
    assert threading.active_count() <= before + 1
