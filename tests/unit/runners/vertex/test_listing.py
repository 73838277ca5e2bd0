"""The list of a compiled job reads without knowing how TFX writes conditions, and placeholders are named."""

from __future__ import annotations

import pytest

from pipeline.config.load import load_environment
from runners.vertex.job import JobTask
from runners.vertex.listing import in_words, placeholders, task_lines

BLESSED = "inputs.artifacts['_{}.blessing'].artifacts[0].metadata['blessed'] == 1.0"
REAL = ("project=acme-rides", "bucket=acme-sluice", "image=docker.pkg.dev/acme/sluice:1")


def task(name: str, condition: str = "") -> JobTask:
    return JobTask(name, "container", "image", "", condition)


def test_a_condition_on_blessings_is_put_in_words() -> None:
    both = f"({BLESSED.format('ExampleValidator')}) && ({BLESSED.format('DataGate')})"
    assert in_words(both) == "ExampleValidator and DataGate blessed"
    assert in_words(BLESSED.format("DataGate")) == "DataGate blessed"
    assert in_words("") == "its inputs are there"


def test_a_condition_of_another_form_is_shown_as_it_is() -> None:
    other = f"({BLESSED.format('DataGate')}) && (inputs.parameters['push'] == 'yes')"
    assert in_words(other) == other


def test_the_exit_handler_runs_when_the_others_have_ended() -> None:
    handler = JobTask("ExitHandler", "container", "image", "", "", is_exit_handler=True)
    assert list(task_lines([handler]))[1].endswith("container  all others have ended, however")


def test_no_line_ends_in_blanks_and_the_columns_stand_below_each_other() -> None:
    lines = list(task_lines([task("ExampleGen"), task("ResolverOfLongName", BLESSED.format("DataGate"))]))
    assert lines == [line.rstrip() for line in lines]
    assert len({line.index(word) for line, word in zip(lines, ("kind", "container", "container"), strict=True)}) == 1


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_the_placeholders_of_our_own_environment_files_are_found(name: str) -> None:
    found = placeholders(load_environment(name).model_dump())
    assert found[:3] == ["project", "bucket", "image"]
    account = "service_account=sluice@acme.iam.gserviceaccount.com"
    assert placeholders(load_environment(name, (*REAL, account)).model_dump()) == []


def test_an_inner_key_is_named_with_its_section_and_my_inside_a_word_is_none() -> None:
    assert placeholders({"dataflow": {"subnetwork": "regions/r/subnetworks/my-net"}}) == ["dataflow.subnetwork"]
    assert placeholders({"bucket": "dummy-bucket", "count": 3, "region": None}) == []
