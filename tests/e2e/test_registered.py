"""A run that is blessed leaves a registered version that people can look at and fetch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.samples.folders import ROOT
from tests.samples.local_runs import Run

pytestmark = pytest.mark.e2e


def _ask(run: Run, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "registry", "--folder", str(run.output / "registry"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)


def test_the_first_model_is_registered_as_1_0_0_before_it_is_pushed(first_run: Run) -> None:
    assert first_run.record["registered_version"] == "1.0.0"
    states = list(first_run.states())
    assert states.index("ModelGate") < states.index("Registrar") < states.index("Pusher")
    assert "taxi 1.0.0 (first version)" in first_run.report


def test_what_is_fetched_is_what_was_pushed_with_its_papers(first_run: Run, tmp_path: Path) -> None:
    done = _ask(first_run, "fetch", "taxi", "latest", str(tmp_path / "taxi"))
    assert done.returncode == 0, done.stderr
    [version] = first_run.versions()
    pushed = first_run.output / "serving/taxi" / version
    for file in ("saved_model.pb", "variables/variables.data-00000-of-00001"):
        assert (tmp_path / "taxi/model" / file).read_bytes() == (pushed / file).read_bytes()
    papers = {path.name for path in (tmp_path / "taxi").iterdir() if path.is_file()}
    assert {"model_card.md", "confusion_matrix.png", "gates.json", "params.json"} <= papers
    environment = json.loads((tmp_path / "taxi/environment.json").read_text())
    for key in ("data_fingerprint", "lock_hash", "git_commit", "seed"):
        assert environment[key] == first_run.record[key]
    metrics = json.loads((tmp_path / "taxi/metrics.json").read_text())
    assert metrics["overall"]["auc"]["value"] == pytest.approx(first_run.record["metrics"]["overall"]["auc"])
    assert metrics["request_milliseconds"]["p50"] <= metrics["request_milliseconds"]["p99"]


def test_the_registry_shows_what_is_in_production_and_where_it_was_pushed(first_run: Run) -> None:
    version_shown = json.loads(_ask(first_run, "show", "taxi", "production", "--json").stdout)
    [version] = first_run.versions()
    assert version_shown["version"] == "1.0.0"
    assert (version_shown["labels"]["stage"], version_shown["labels"]["deployment"]) == (
        "production",
        f"pushed-{version}",
    )
