"""Custom jobs of Vertex AI, made of the environment's machines."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.cloud.aiplatform_v1 import types

from cloud.training_jobs import JobPlace, MachineChoice, Workers, check_workers, custom_job, parsed, plain
from core.errors import SluiceError

L4 = MachineChoice("g2-standard-12", "NVIDIA_L4", 1, "us-central1")
T4_THERE = MachineChoice("n1-standard-8", "NVIDIA_TESLA_T4", 1, "us-east1")
TENSORBOARD = "projects/p/locations/us-central1/tensorboards/1"


def place(**values: object) -> JobPlace:
    return JobPlace("p", "image", **values)  # type: ignore[arg-type]


def test_a_job_carries_machine_disk_account_network_key_and_labels() -> None:
    job = custom_job(
        "taxi-trainer",
        L4,
        Workers([L4], disk_gb=200, timeout_hours=3.0),
        place(
            service_account="sluice@p.iam.gserviceaccount.com",
            network="projects/1/global/networks/n",
            encryption_key="projects/p/locations/us-central1/keyRings/r/cryptoKeys/k",
            tensorboard=TENSORBOARD,
            labels={"team": "rides"},
        ),
    )
    [pool] = job.job_spec.worker_pool_specs
    assert (pool.machine_spec.machine_type, pool.machine_spec.accelerator_type.name) == ("g2-standard-12", "NVIDIA_L4")
    assert (pool.machine_spec.accelerator_count, pool.disk_spec.boot_disk_size_gb, pool.replica_count) == (1, 200, 1)
    assert pool.container_spec.image_uri == "image"
    assert job.job_spec.service_account == "sluice@p.iam.gserviceaccount.com"
    assert job.job_spec.network == "projects/1/global/networks/n"
    assert job.job_spec.tensorboard == TENSORBOARD
    assert job.encryption_spec.kms_key_name.endswith("/cryptoKeys/k")
    assert dict(job.labels) == {"team": "rides"}
    assert job.job_spec.scheduling.timeout == timedelta(hours=3)


@pytest.mark.parametrize(
    ("capacity", "strategy", "wait"),
    [("standard", "STANDARD", None), ("spot", "SPOT", None), ("flex_start", "FLEX_START", timedelta(hours=6))],
)
def test_capacity_is_the_strategy_and_only_flex_start_waits_in_the_queue(
    capacity: str, strategy: str, wait: timedelta | None
) -> None:
    workers = Workers([L4], capacity=capacity, longest_wait_hours=6.0, restart_on_worker_restart=True)  # type: ignore[arg-type]
    scheduling = custom_job("x", L4, workers, place()).job_spec.scheduling
    assert scheduling.strategy.name == strategy
    assert scheduling.restart_job_on_worker_restart
    assert (scheduling.max_wait_duration or None) == wait


def test_several_machines_are_a_chief_and_a_pool_of_others() -> None:
    pools = custom_job("x", L4, Workers([L4], count=4), place()).job_spec.worker_pool_specs
    assert [pool.replica_count for pool in pools] == [1, 3]
    assert pools[0].machine_spec == pools[1].machine_spec


def test_plain_values_become_the_same_job_again() -> None:
    job = custom_job("x", L4, Workers([L4], count=2, capacity="flex_start"), place(labels={"a": "b"}))
    assert parsed(plain(job)) == job


def test_refuses_a_field_that_the_api_does_not_have() -> None:
    with pytest.raises(SluiceError, match=r"not one of Vertex AI's.*worker_pool"):
        parsed({"job_spec": {"worker_pool": []}})


def test_checks_every_choice() -> None:
    with pytest.raises(SluiceError, match="NVIDIA_TESLA_T4 cannot be had by flex start"):
        check_workers(Workers([L4, T4_THERE], capacity="flex_start"), place())


def test_a_fallback_in_another_region_cannot_use_the_key_of_the_first() -> None:
    check_workers(Workers([L4, T4_THERE]), place())
    with pytest.raises(SluiceError, match=r"encryption key of the environment is in us-central1.*names us-east1"):
        check_workers(Workers([L4, T4_THERE]), place(encryption_key="k"))


def test_flex_start_ends_after_seven_days() -> None:
    with pytest.raises(SluiceError, match="at most 168 hours, not 200"):
        check_workers(Workers([L4], capacity="flex_start", timeout_hours=200.0), place())


def test_a_tensorboard_needs_an_account() -> None:
    with pytest.raises(SluiceError, match="only with a service account of your own"):
        check_workers(Workers([L4]), place(tensorboard=TENSORBOARD))


def test_a_machine_without_an_accelerator_names_none() -> None:
    plain_machine = MachineChoice("n1-standard-4", None, 0, "us-central1")
    [pool] = custom_job("x", plain_machine, Workers([plain_machine]), place()).job_spec.worker_pool_specs
    assert pool.machine_spec == types.MachineSpec(machine_type="n1-standard-4")
