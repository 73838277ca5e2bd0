"""The next step after a refusal of what was altered is one that makes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.artifacts.blessings import Blessing
from pipeline.artifacts.judged import alterations
from tests.samples.taxi_artifacts import artifact


@pytest.mark.parametrize(
    ("model", "needs_option"), [("gs://bucket/Trainer/model", True), ("/out/Trainer/model", False)]
)
def test_in_a_bucket_the_results_of_earlier_runs_are_not_taken_again(
    tmp_path: Path, model: str, needs_option: bool
) -> None:
    blessing = artifact(Blessing, tmp_path / "blessing")
    [finding] = alterations(["Evaluator"], {"Evaluator": [blessing]}, model)
    assert ("--no-cache" in finding.remedy) is needs_option
