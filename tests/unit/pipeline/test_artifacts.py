"""Our artifact types keep the names that metadata stores of earlier runs and Vertex AI use."""

from __future__ import annotations

import pytest
from tfx.types import standard_artifacts
from tfx.utils import import_utils

from pipeline.artifacts.examples import Facts, describe_examples, facts_of, images_of, keep_images, kinds_of
from sources.kinds import Kind

NAMES = ("GateReportArtifact", "Blessing", "ReferencesArtifact", "NewestVersion", "RegisteredModel")


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_of_an_earlier_run_is_found_by_its_type(name: str) -> None:
    found = import_utils.import_class_by_path(f"pipeline.{name}")
    assert f"pipeline.{name}" == found.TYPE_NAME
    assert found.__name__ == name


def test_the_facts_of_examples_are_read_as_they_were_written() -> None:
    examples, statistics = standard_artifacts.Examples(), standard_artifacts.ExampleStatistics()
    facts = Facts(rows={"train": 8, "eval": 2}, columns=3, unusable_file="rows.jsonl", class_names=["boot"], share=0.5)
    describe_examples(examples, facts, {"fare": Kind.FLOAT}, {"image": [28, 28, 1]})
    keep_images(statistics, examples)
    assert facts_of(examples) == facts
    assert kinds_of(examples) == {"fare": Kind.FLOAT}
    assert images_of(statistics) == images_of(examples) == {"image": [28, 28, 1]}


def test_examples_of_another_writer_have_no_facts() -> None:
    examples = standard_artifacts.Examples()
    assert (facts_of(examples), kinds_of(examples), images_of(examples)) == (Facts(), {}, {})
