"""The tasks of a job on Vertex AI."""

from datetime import datetime, timezone

import pytest
from google.cloud.aiplatform_v1 import types

from cloud.task_runs import TaskState, task_runs_of

_STARTED = datetime(2026, 11, 29, 12, 0, 0, tzinfo=timezone.utc)
_ENDED = datetime(2026, 11, 29, 12, 1, 30, tzinfo=timezone.utc)


def _job(*details: types.PipelineTaskDetail) -> types.PipelineJob:
    return types.PipelineJob(job_detail=types.PipelineJobDetail(task_details=list(details)))


def test_a_task_has_its_time_its_outputs_and_their_properties() -> None:
    model = types.Artifact(name="m/1", schema_title="tfx.Model", uri="gs://b/model", metadata={"blessed": 1})
    detail = types.PipelineTaskDetail(
        task_id=7,
        task_name="Trainer",
        state=types.PipelineTaskDetail.State.SUCCEEDED,
        start_time=_STARTED,
        end_time=_ENDED,
        outputs={"model": types.PipelineTaskDetail.ArtifactList(artifacts=[model])},
    )
    [task] = task_runs_of(_job(detail))
    assert (task.name, task.state, task.seconds) == ("Trainer", TaskState.RAN, 90.0)
    [stored] = task.outputs["model"]
    assert (stored.type, stored.uri, stored.metadata) == ("tfx.Model", "gs://b/model", {"blessed": 1.0})


def test_a_task_that_has_not_started_took_no_time() -> None:
    [task] = task_runs_of(_job(types.PipelineTaskDetail(task_name="Trainer")))
    assert (task.state, task.started, task.ended, task.seconds) == (TaskState.WAITING, None, None, 0.0)


def test_tasks_come_in_the_order_in_which_they_were_created() -> None:
    job = _job(types.PipelineTaskDetail(task_id=2, task_name="b"), types.PipelineTaskDetail(task_id=1, task_name="a"))
    assert [task.name for task in task_runs_of(job)] == ["a", "b"]


def test_what_only_holds_other_tasks_is_no_task() -> None:
    held = [
        types.PipelineTaskDetail(task_id=1, task_name="job-1"),
        types.PipelineTaskDetail(task_id=2, parent_task_id=1, task_name="tfx-dag"),
        types.PipelineTaskDetail(task_id=3, parent_task_id=2, task_name="Trainer"),
        types.PipelineTaskDetail(task_id=4, parent_task_id=1, task_name="ExitHandler"),
    ]
    assert [task.name for task in task_runs_of(_job(*held))] == ["Trainer", "ExitHandler"]


@pytest.mark.parametrize("state", list(types.PipelineTaskDetail.State))
def test_every_state_of_vertex_ai_is_one_of_ours(state: types.PipelineTaskDetail.State) -> None:
    [task] = task_runs_of(_job(types.PipelineTaskDetail(task_name="a", state=state)))
    assert isinstance(task.state, TaskState)
