"""The options of the environment as Beam itself reads them."""

from __future__ import annotations

from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    WorkerOptions,
)

from pipeline.config.environment import DataflowConfig
from pipeline.config.load import load_environment
from runners.vertex.dataflow import dataflow_arguments, regions_of_dataflow, with_run_label
from runners.vertex.places import BucketPlaces

KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"


def options(**more: object) -> PipelineOptions:
    cloud = load_environment("dev", ("project=acme-rides", "bucket=rides", "image=i:1")).model_copy(update=more)
    return PipelineOptions(dataflow_arguments(cloud, BucketPlaces.of("taxi", cloud), {"team": "rides", "cost": "x"}))


def test_every_option_arrives() -> None:
    wanted = DataflowConfig(
        machine_type="n2-standard-8",
        workers=3,
        max_workers=7,
        autoscaling="NONE",
        disk_gb=77,
        region="europe-west1",
        public_addresses=False,
        subnetwork="regions/europe-west1/subnetworks/s",
        service_account="beam@p.iam.gserviceaccount.com",
    )
    given = options(dataflow=wanted, encryption_key=KEY)
    cloud, worker = given.view_as(GoogleCloudOptions), given.view_as(WorkerOptions)
    assert given.view_as(StandardOptions).runner == "DataflowRunner"
    assert (cloud.project, cloud.region, cloud.dataflow_kms_key) == ("acme-rides", "europe-west1", KEY)
    assert cloud.temp_location == "gs://rides/sluice/taxi/dataflow/temp"
    assert cloud.staging_location == "gs://rides/sluice/taxi/dataflow/staging"
    assert cloud.labels == ["cost=x", "sluice_run={{$.pipeline_job_name}}", "team=rides"]
    assert cloud.service_account_email == "beam@p.iam.gserviceaccount.com"
    assert (worker.num_workers, worker.max_num_workers, worker.autoscaling_algorithm) == (3, 7, "NONE")
    assert (worker.machine_type, worker.disk_size_gb) == ("n2-standard-8", 77)
    assert (worker.use_public_ips, worker.subnetwork) == (False, "regions/europe-west1/subnetworks/s")
    assert worker.sdk_container_image == "i:1"
    assert given.view_as(SetupOptions).sdk_location == "container"


def test_the_id_of_the_pipeline_job_becomes_the_value_of_a_label() -> None:
    given = ["--labels=team=A", "--labels=sluice_run=Taxi.dev", "--region=r"]
    assert with_run_label(given) == ["--labels=team=A", "--labels=sluice_run=taxi-dev", "--region=r"]


def test_the_regions_are_those_of_the_compiled_containers() -> None:
    there = ["--runner=DataflowRunner", "--region=us-east1"]
    executors = {"a": {"container": {"args": there}}, "b": {"container": {"args": there}}, "c": {"resolver": {}}}
    assert regions_of_dataflow({"deploymentSpec": {"executors": executors}}) == ["us-east1"]
    assert regions_of_dataflow({}) == []


def test_what_is_not_given_is_left_to_the_environment_or_to_dataflow() -> None:
    given = options(service_account="sluice@p.iam.gserviceaccount.com")
    cloud, worker = given.view_as(GoogleCloudOptions), given.view_as(WorkerOptions)
    assert cloud.region == "europe-west4"
    assert cloud.service_account_email == "sluice@p.iam.gserviceaccount.com"
    assert (cloud.dataflow_kms_key, worker.subnetwork, worker.use_public_ips) == (None, None, None)
