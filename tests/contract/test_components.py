"""The contract of every component on the pipeline's page; a new component is tested by being there."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

import pipeline as artifact_classes
from gates.data.contamination.preparation import ALLOWED_READERS
from pipeline.champion import model_in_production
from pipeline.config.load import load_environment, load_workload
from pipeline.pipeline import create_pipeline
from pipeline.platform import RolloutPlaces
from runners.component_names import NAMES
from runners.vertex.job import broken_references, compile_job, list_tasks, read_job
from runners.vertex.platform import vertex_platform

# As the workload is, and with what it leaves out.
VARIANTS: tuple[tuple[str, ...], ...] = (
    (),
    ("tuner.enabled=true", "schema_file=null"),
    ("serving.rollout.approve=manual",),
)
# What it gives is the file's text, the folder of versions says itself what was pushed, and an endpoint is looked at in
# every run anew: none of them can be out of date.
WITHOUT_CODE = {"CuratedSchema", "Pusher", "Rollout"}
# By which it is seen that a component that takes all examples leaves test alone.
NOT_READING_TEST = {
    "Transform": "pipeline/splits.py says which splits it analyses and transforms",
    "Registrar": "it reads the counts of rows on the artifact",
    "Trainer": "it copies rows of eval into the export: tests/unit/pipeline/components/test_trainer.py",
}


def made(variant: tuple[str, ...]) -> tuple[Pipeline, set[str]]:
    """The pipeline of the taxi workload for Vertex AI, and the modules whose code it requested."""
    requested: set[str] = set()

    def code(*modules: str) -> str:
        requested.update(modules)
        return "hash of " + " ".join(modules)

    config = load_workload("taxi", variant)
    platform = vertex_platform(config, load_environment("dev", ()))
    champion, rollout = model_in_production("/registry", config.name, code), RolloutPlaces("/serving", "/out")
    platform = replace(platform, code=code, champion=champion, rollout=rollout)
    return create_pipeline(config, platform), requested


@functools.cache
def nodes() -> dict[str, BaseNode]:
    return {node.id: node for variant in VARIANTS for node in made(variant)[0].components}


def components() -> Iterator[BaseComponent]:
    """All but what only looks something up."""
    return (node for node in nodes().values() if isinstance(node, BaseComponent))


def test_every_component_has_a_name_on_the_console() -> None:
    assert {node.id for node in components()} - set(NAMES) == set()


def test_edited_code_of_ours_is_never_answered_from_the_cache() -> None:
    requested = set().union(*(made(variant)[1] for variant in VARIANTS))
    ours = [node for node in components() if type(node).__module__.startswith("pipeline.components.")]
    assert len(ours) > 8
    for node in ours:
        if type(node).__name__ not in WITHOUT_CODE:
            assert type(node).__module__ in requested, node.id
            hashes = [value for value in node.exec_properties.values() if "hash of" in str(value)]
            assert hashes, f"{node.id} leaves the hash of its code out of its parameters"


def test_vertex_finds_the_class_of_every_artifact_by_its_type_name() -> None:
    for node in components():
        for channel in node.outputs.values():
            name = channel.type.TYPE_NAME
            known = vars(standard_artifacts).values()
            assert (
                channel.type in known or getattr(artifact_classes, name.removeprefix("pipeline."), None) is channel.type
            ), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_component_compiles_to_a_task_that_vertex_can_run(variant: tuple[str, ...], tmp_path: Path) -> None:
    job = compile_job(made(variant)[0], "image:1", tmp_path)
    _, spec = read_job(job)
    assert broken_references(spec) == []
    tasks = {task.name: task for task in list_tasks(spec)}
    assert set(tasks) >= {node.id for node in made(variant)[0].components if isinstance(node, BaseComponent)}
    for task in tasks.values():
        if task.executor:
            module, _, name = task.executor.partition("+")[0].rpartition(".")
            assert hasattr(importlib.import_module(module), name), task.executor


def test_a_component_of_raw_examples_may_read_test_or_is_listed_as_not_reading_it() -> None:
    raw = nodes()["ExampleGen"].outputs["examples"]
    readers = {type(node).__name__ for node in components() if raw in node.inputs.values()}
    assert {"StatisticsGen", "DataGate", "Evaluator"} <= readers
    assert readers - ALLOWED_READERS["test"] - set(NOT_READING_TEST) == set()
