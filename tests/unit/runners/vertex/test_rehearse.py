"""What is shown of a job that is rehearsed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloud.testing.rehearsal.folder import RehearsalFolder
from runners.vertex.rehearse import RehearsalPlace


def test_the_log_of_a_task_is_that_of_its_last_attempt(tmp_path: Path) -> None:
    place = RehearsalPlace("p", "europe-west4", RehearsalFolder(tmp_path), "rehearse")
    logs = tmp_path / "logs/job"
    logs.mkdir(parents=True)
    for age, name in enumerate(("Trainer.3.log", "Trainer.2.log", "Trainer.log")):
        (logs / name).write_text("")
        os.utime(logs / name, (1000 - age, 1000 - age))
    (logs / "TrainerOther.log").write_text("")
    assert place.log_page("job", "Trainer", "") == str(logs / "Trainer.3.log")
    assert place.log_page("job", "Pusher", "") == str(logs)


@pytest.mark.parametrize("typed", ["rehearse --output-dir mine", "rehearse --job-name job --output-dir mine"])
def test_a_job_is_taken_up_by_the_command_that_was_typed_with_its_name(tmp_path: Path, typed: str) -> None:
    place = RehearsalPlace("p", "europe-west4", RehearsalFolder(tmp_path), typed)
    assert place.follow_command("job") == "rehearse --output-dir mine --job-name job"
