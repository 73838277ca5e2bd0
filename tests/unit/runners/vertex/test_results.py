"""Tasks of Vertex AI as results of components."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tfx.types import standard_artifacts

from cloud.task_runs import StoredArtifact, TaskRun, TaskState
from pipeline.artifacts.blessings import Blessing
from runners.vertex.results import results_of

_STARTED = datetime(2026, 11, 29, 12, 0, 0, tzinfo=timezone.utc)


def _task(name: str, state: TaskState, error: str = "", **outputs: StoredArtifact) -> TaskRun:
    ended = _STARTED + timedelta(seconds=90)
    return TaskRun(name, state, _STARTED, ended, {key: (each,) for key, each in outputs.items()}, error)


def test_artifacts_have_their_class_their_place_and_whole_numbers_again(tmp_path: Path) -> None:
    properties = {"span": 7.0, "split_names": json.dumps(["train"]), "rows": 12.0}
    examples = StoredArtifact("n/1", "tfx.Examples", "gs://b/examples", properties)
    blessing = StoredArtifact("n/2", "pipeline.Blessing", "gs://b/blessing", {"blessed": 1.0})
    results = results_of(
        [_task("ExampleGen", TaskState.RAN, examples=examples), _task("DataGate", TaskState.REUSED, blessing=blessing)],
        str(tmp_path),
    )
    found = results["ExampleGen"].output("examples")
    assert isinstance(found, standard_artifacts.Examples)
    assert (found.uri, found.span, found.split_names) == ("gs://b/examples", 7, '["train"]')
    assert found.get_int_custom_property("rows") == 12
    blessed = results["DataGate"].output("blessing")
    assert isinstance(blessed, Blessing)
    assert blessed.get_int_custom_property("blessed") == 1
    assert [(each.state, each.seconds) for each in results.values()] == [("ran", 90.0), ("reused", 90.0)]


def test_a_failed_task_has_its_error_and_one_that_never_ran_was_skipped(tmp_path: Path) -> None:
    results = results_of(
        [
            _task("Trainer", TaskState.FAILED, "The replica exited with 1."),
            _task("Evaluator", TaskState.SKIPPED),
            _task("References", TaskState.CANCELLED),
        ],
        str(tmp_path),
    )
    assert {name: each.state for name, each in results.items()} == {
        "Trainer": "failed",
        "Evaluator": "skipped",
        "References": "skipped",
    }
    assert str(results["Trainer"].error) == "The replica exited with 1."


def test_tasks_that_have_not_ended_and_those_that_are_no_components_are_left_out(tmp_path: Path) -> None:
    tasks = [_task("Trainer", TaskState.RUNNING), _task("Tuner", TaskState.WAITING), _task("finish", TaskState.RAN)]
    assert results_of(tasks, str(tmp_path)) == {}
