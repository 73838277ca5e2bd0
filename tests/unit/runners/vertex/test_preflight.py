"""The preflight of a workload in an environment: its plan, its table, its refusal."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from google.cloud import storage
from rich.console import Console

from cloud.preflight.plan import MachineDemand, Plan
from cloud.testing.cloud import LocalCloud
from cloud.testing.services.quotas import Quota
from core.errors import SluiceError
from pipeline.config.endpoint import EndpointConfig
from pipeline.config.environment import EnvironmentConfig, FallbackConfig, TaskConfig
from pipeline.config.load import load_environment, load_workload
from runners.provenance import image_code
from runners.vertex.preflight import plan_of, preflight

PROJECT = "local-project"
REGION = "europe-west4"
DIGEST = "sha256:" + "cd" * 32
ACCOUNT = f"sluice@{PROJECT}.iam.gserviceaccount.com"
ENVIRONMENT = load_environment(
    "dev",
    (
        f"project={PROJECT}",
        f"region={REGION}",
        "bucket=runs",
        f"image={REGION}-docker.pkg.dev/{PROJECT}/sluice/sluice:v1",
        f"service_account={ACCOUNT}",
    ),
)
L4 = Quota(
    "CustomModelTrainingL4GPUsPerProjectPerRegion",
    "custom_model_training_nvidia_l4_gpus",
    limits={REGION: 1},
)


@pytest.fixture
def ready() -> Iterator[LocalCloud]:
    with LocalCloud(PROJECT) as cloud, cloud.applied():
        storage.Client().create_bucket("runs", location=REGION)
        cloud.identity.accounts.add(ACCOUNT)
        labels = {"sluice.code": image_code()}
        cloud.images.add(f"{REGION}-docker.pkg.dev/{PROJECT}/sluice/sluice", "v1", DIGEST, labels=labels)
        cloud.quotas.add(L4)
        yield cloud


def plan(environment: EnvironmentConfig = ENVIRONMENT, *overrides: str) -> Plan:
    return plan_of(load_workload("fashion_mnist", overrides), environment, "fashion-1")


def test_what_is_ready_prints_its_table_and_gives_the_digest(ready: LocalCloud) -> None:
    console = Console(file=io.StringIO(), width=80)
    result = preflight(load_workload("taxi"), ENVIRONMENT, "taxi-1", console)
    assert result.image_digest == DIGEST
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "preflight"
    assert len(lines) == 1 + len(result.rows)
    assert all(line.startswith("  ✓ ") for line in lines[1:])


def test_the_image_that_serves_is_looked_at_where_models_are_uploaded() -> None:
    serving = {"serving_image": f"{REGION}-docker.pkg.dev/{PROJECT}/sluice/serving:v1"}
    assert plan(ENVIRONMENT.model_copy(update=serving)).serving_image is None
    uploading = ENVIRONMENT.model_copy(update={**serving, "model_registry": True})
    assert plan(uploading).serving_image == serving["serving_image"]


def test_the_record_of_answers_is_watched_where_an_endpoint_and_a_rollout_are() -> None:
    account = f"serving@{PROJECT}.iam.gserviceaccount.com"
    served = ENVIRONMENT.model_copy(update={"endpoint": EndpointConfig(service_account=account)})
    watched = plan(served, "serving.rollout.canary_percents=[10]")
    assert (watched.is_watched, watched.serving_account) == (True, account)
    assert not plan(served, "serving.rollout=null").is_watched
    assert not plan(ENVIRONMENT, "serving.rollout.canary_percents=[10]").is_watched


def test_what_is_not_ready_prints_every_row_and_refuses_with_the_first(ready: LocalCloud) -> None:
    ready.service_usage.disabled.add("dataflow.googleapis.com")
    ready.quotas.add(Quota(L4.quota_id, L4.metric, limits={}))
    ready.access.deny("iam.serviceAccounts.getAccessToken")
    console = Console(file=io.StringIO(), width=80)
    with pytest.raises(SluiceError) as refused:
        preflight(load_workload("taxi"), ENVIRONMENT, "taxi-1", console)
    enable = f"gcloud services enable dataflow.googleapis.com --project={PROJECT}"
    assert refused.value.headline == (
        f"APIs enabled: dataflow.googleapis.com is not enabled in {PROJECT}. (1 more check failed)"
    )
    assert refused.value.next_command == enable
    assert refused.value.exit_code == 3
    lines = console.file.getvalue().splitlines()
    assert [line.strip() for line in lines if "gcloud services" in line] == [enable]  # whole, to be copied
    assert sum(line.startswith("  ✗ ") for line in lines) == 2
    [unchecked] = [line for line in lines if line.startswith("  – ")]
    assert "not checked: you may not impersonate" in unchecked


def test_the_trainer_and_an_enabled_tuner_demand_their_machines() -> None:
    assert [demand.purpose for demand in plan().machines] == ["the Trainer"]
    trainer, tuner = plan(ENVIRONMENT, "tuner.enabled=true").machines
    assert trainer == MachineDemand("the Trainer", "g2-standard-12", "NVIDIA_L4", 1, REGION)
    assert (tuner.purpose, tuner.accelerators) == ("the Tuner", 2)


def test_capacity_and_fallbacks_are_part_of_the_demand() -> None:
    training = ENVIRONMENT.training.model_copy(
        update={
            "capacity": "spot",
            "fallbacks": [
                FallbackConfig(
                    machine_type="n1-standard-8",
                    accelerator_type="NVIDIA_TESLA_T4",
                    accelerator_count=1,
                    region="us-central1",
                )
            ],
        }
    )
    first, fallback = plan(ENVIRONMENT.model_copy(update={"training": training})).machines
    assert (first.accelerators, first.capacity, first.region) == (1, "spot", REGION)
    assert (fallback.machine_type, fallback.region, fallback.capacity) == ("n1-standard-8", "us-central1", "spot")


def test_a_task_with_a_gpu_demands_it_on_a_machine_of_vertex_ais_choice() -> None:
    tasks = {"ModelGate": TaskConfig(accelerator_type="NVIDIA_TESLA_T4", accelerator_count=1)}
    _, task = plan(ENVIRONMENT.model_copy(update={"tasks": tasks})).machines
    assert task == MachineDemand("ModelGate", None, "NVIDIA_TESLA_T4", 1, REGION)


def test_the_plan_names_the_code_of_this_checkout_and_where_dataflow_runs() -> None:
    elsewhere = ENVIRONMENT.dataflow.model_copy(update={"region": "europe-west1"})
    found = plan(ENVIRONMENT.model_copy(update={"dataflow": elsewhere}))
    assert found.code == image_code()
    assert (found.region, found.dataflow_region) == (REGION, "europe-west1")
