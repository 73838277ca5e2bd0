"""The regions in which the machines of a cancelled job are looked for."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.config.load import load_environment, load_workload
from pipeline.datasets import datasets_as_seen
from runners.vertex.cancel import regions_of_fallbacks
from runners.vertex.compilation import compile_workload
from runners.vertex.dataflow import regions_of_dataflow

PLACE = ("project=my-project", "bucket=rides")
FALLBACKS = "[{machine_type: n1-standard-8}, {machine_type: n1-standard-16, region: us-east1}]"


def test_they_are_those_of_the_fallbacks_in_the_compiled_job(tmp_path: Path) -> None:
    config = load_workload("taxi", ("tuner.enabled=true",), None)
    cloud = load_environment("dev", (*PLACE, f"training.fallbacks={FALLBACKS}"))
    datasets = datasets_as_seen(config.data, config.split, config.prediction, network=False)
    spec = json.loads(compile_workload(config, cloud, datasets, tmp_path).read_text())["pipelineSpec"]
    assert regions_of_fallbacks(spec) == ["europe-west4", "us-east1"]


def test_dataflow_is_asked_where_the_compiled_job_sends_its_beam_parts(tmp_path: Path) -> None:
    config = load_workload("taxi", (), None)
    cloud = load_environment("dev", (*PLACE, "dataflow.region=europe-west1"))
    datasets = datasets_as_seen(config.data, config.split, config.prediction, network=False)
    spec = json.loads(compile_workload(config, cloud, datasets, tmp_path).read_text())["pipelineSpec"]
    assert regions_of_dataflow(spec) == ["europe-west1"]


def test_a_job_of_others_has_none() -> None:
    assert regions_of_fallbacks({}) == []
