"""The endpoint that an environment names, as the pipeline is given it."""

from __future__ import annotations

from cloud.endpoint.options import EndpointOptions
from pipeline.config.endpoint import EndpointConfig
from pipeline.config.load import load_environment, load_workload
from runners.vertex.endpoint import endpoint_place, rollout_places

ENVIRONMENT = load_environment(
    "dev", ("project=my-project", "bucket=runs", "serving_image=eu-docker.pkg.dev/p/r/serving:v1")
)


def test_an_environment_without_an_endpoint_has_none() -> None:
    assert endpoint_place(load_workload("taxi"), ENVIRONMENT) is None
    assert rollout_places(load_workload("taxi"), ENVIRONMENT) is None


def test_its_versions_are_those_that_the_pusher_makes() -> None:
    wanted = EndpointConfig(max_replicas=3, private_projects=["one", "two"], log_table="bq://p.serving.taxi")
    labelled = ENVIRONMENT.model_copy(update={"endpoint": wanted, "labels": {"team": "rides"}})
    place = endpoint_place(load_workload("taxi"), labelled)
    assert place is not None
    options = EndpointOptions.of(place)
    assert (options.project, options.region, options.environment) == ("my-project", "europe-west4", "dev")
    assert options.versions == "gs://runs/sluice/taxi/serving"
    assert options.answers == "gs://runs/sluice/taxi/answers"
    assert (options.max_replicas, options.private_projects) == (3, "one,two")
    assert (options.log_table, options.more_labels) == ("bq://p.serving.taxi", {"team": "rides"})


def test_rollouts_are_recorded_in_the_bucket_of_the_environment() -> None:
    served = ENVIRONMENT.model_copy(update={"endpoint": EndpointConfig()})
    places = rollout_places(load_workload("taxi"), served)
    assert places is not None
    assert places.endpoint == endpoint_place(load_workload("taxi"), served)
    assert places.records == "gs://runs/sluice"
    assert not places.uploads


def test_a_version_in_production_is_uploaded_where_the_environment_uploads_models() -> None:
    uploading = ENVIRONMENT.model_copy(update={"endpoint": EndpointConfig(), "model_registry": True})
    places = rollout_places(load_workload("taxi"), uploading)
    assert places is not None
    assert places.uploads
