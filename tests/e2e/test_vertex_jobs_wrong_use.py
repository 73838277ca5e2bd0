"""`vertex_runner.py jobs` with names and places that cannot be: one sentence, the next command, nothing beside."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.testing.cloud import LocalCloud
from tests.e2e.test_vertex_run import REGION, command, ran

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as cloud:
        yield cloud


@pytest.mark.parametrize("subcommand", ["follow", "cancel", "finish"])
def test_what_can_be_the_name_of_no_job_is_refused_at_once(cloud: LocalCloud, subcommand: str) -> None:
    done = ran(cloud, "jobs", subcommand, "../Other")
    assert done.returncode == 3
    place = f"--project {cloud.project} --region {REGION}"
    assert done.stderr.splitlines() == [
        "sluice: `../Other` is the name of no job: that has up to 128 of a-z, 0-9 and -, and starts with a letter.",
        f"        What is there:  python runners/vertex_runner.py jobs list {place}",
    ]


def test_a_region_that_is_not_there_is_one_sentence_without_the_words_of_libraries(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    words, environment = command(cloud, "jobs", "list")
    there = [word.replace(REGION, "europe-wset4") for word in words]
    done = subprocess.run(there, capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "sluice: Vertex AI has no region `europe-wset4`; did you mean `europe-west4`?",
        "        Use another:  --region europe-west4",
    ]
