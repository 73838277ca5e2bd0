"""The options of an endpoint and the text that names it."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.endpoint.options import EndpointOptions
from core.errors import SluiceError

OPTIONS = EndpointOptions(
    project="my-project",
    region="europe-west4",
    environment="prod",
    versions="gs://bucket/sluice/taxi/serving",
    serving_image="europe-west4-docker.pkg.dev/my-project/sluice/serving@sha256:00",
)
CHANGES: dict[str, Any] = {
    "machine_type": "g2-standard-8",
    "accelerator_type": "NVIDIA_L4",
    "accelerator_count": 1,
    "min_replicas": 2,
    "max_replicas": 4,
    "spot": True,
    "log_table": "bq://my-project.serving.taxi",
    "log_share": 0.25,
    "labels": "team=rides,cost=12",
}


@pytest.mark.parametrize("options", [OPTIONS, OPTIONS.model_copy(update=CHANGES)])
def test_the_text_of_a_place_gives_the_options_back(options: EndpointOptions) -> None:
    assert EndpointOptions.of(options.place_text()) == options


def test_what_has_its_default_is_not_in_the_text() -> None:
    assert OPTIONS.place_text() == (
        "vertex://my-project/europe-west4/prod?versions=gs%3A%2F%2Fbucket%2Fsluice%2Ftaxi%2Fserving"
        "&serving_image=europe-west4-docker.pkg.dev%2Fmy-project%2Fsluice%2Fserving%40sha256%3A00"
    )


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("vertex://my-project/europe-west4", "names no endpoint"),
        ("vertex://my-project/europe-west4/prod?versions=gs://b/s", "`serving_image`: Field required"),
        ("vertex://p/r/e?versions=gs://b/s&serving_image=i&replicas=2", "`replicas`: Extra inputs"),
        ("vertex://p/r/e?versions=gs://b/s&serving_image=i&max_replicas=two", "`max_replicas`: Input should be"),
    ],
)
def test_a_text_that_names_none_is_one_sentence(place: str, sentence: str) -> None:
    with pytest.raises(SluiceError, match=sentence):
        EndpointOptions.of(place)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"serving_image": "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"}, "end in January 2027"),
        ({"machine_type": "n1-standard-5"}, "n1-standard-5"),
        ({"accelerator_type": "NVIDIA_L4", "accelerator_count": 1}, "cannot carry NVIDIA_L4"),
        ({"min_replicas": 3, "max_replicas": 2}, "at least 3 and at most 2"),
    ],
)
def test_options_that_do_not_go_together_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SluiceError, match=sentence):
        OPTIONS.model_copy(update=changes).check()


def test_the_id_is_made_of_the_workload_and_the_environment() -> None:
    assert OPTIONS.endpoint_id("fashion_mnist") == "sluice-fashion-mnist-prod"
    with pytest.raises(SluiceError, match="63 characters"):
        OPTIONS.endpoint_id("a" * 50)
