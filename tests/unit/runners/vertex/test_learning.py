"""The machines of Trainer and Tuner from the environment's configuration."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import SluiceError
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.load import load_workload
from runners.vertex.executors import TrainerInACustomJob, TunerInACustomJob
from runners.vertex.learning import search_elsewhere, training_elsewhere
from runners.vertex.vizier import TunerByVizier

TAXI = load_workload("taxi", (), None, None)


def environment(**values: Any) -> EnvironmentConfig:
    plain = {"name": "dev", "project": "acme-rides", "region": "us-central1", "bucket": "bucket", "image": "image"}
    return EnvironmentConfig.model_validate({**plain, **values})


def test_the_trainer_finds_its_job_under_the_keys_of_tfx() -> None:
    elsewhere = training_elsewhere(TAXI, environment(labels={"team": "rides"}))
    assert elsewhere.executor is TrainerInACustomJob
    config = elsewhere.custom_config
    assert (config["ai_platform_enable_vertex"], config["ai_platform_vertex_region"]) == (True, "us-central1")
    job = config["ai_platform_training_args"]
    assert (job["project"], job["display_name"], job["labels"]["team"]) == ("acme-rides", "taxi-trainer", "rides")
    [pool] = job["job_spec"]["worker_pool_specs"]
    assert pool["machine_spec"] == {
        "machine_type": "g2-standard-12",
        "accelerator_type": "NVIDIA_L4",
        "accelerator_count": 1,
    }


def test_fallbacks_keep_their_order_and_their_regions() -> None:
    fallbacks = [
        {"machine_type": "n1-standard-8", "accelerator_type": "NVIDIA_TESLA_T4", "accelerator_count": 1},
        {"machine_type": "n1-standard-16", "region": "us-east1"},
    ]
    found = training_elsewhere(TAXI, environment(training={"fallbacks": fallbacks})).custom_config["vertex_fallbacks"]
    assert [(each["region"], each["machine_spec"]["machine_type"]) for each in found] == [
        ("us-central1", "n1-standard-8"),
        ("us-east1", "n1-standard-16"),
    ]


def test_the_tuner_has_a_machine_for_each_parallel_trial() -> None:
    elsewhere = search_elsewhere(TAXI, environment(tuning={"parallel_trials": 3}))
    assert elsewhere.executor is TunerInACustomJob
    pools = elsewhere.custom_config["ai_platform_tuning_args"]["job_spec"]["worker_pool_specs"]
    assert [pool["replica_count"] for pool in pools] == ["1", "2"]


@pytest.mark.parametrize(
    ("values", "sentence", "command"),
    [
        (
            {"training": {"machine_type": "e2-standard-4"}},
            "`training` of the environment dev: e2-standard-4 cannot carry NVIDIA_L4",
            "--machine-type g2-standard-4",
        ),
        (
            {"training": {"fallbacks": [{"machine_type": "g2-standard-8"}]}},
            "g2-standard-8 has 1 NVIDIA_L4 built in",
            "--accelerator-count 1",
        ),
    ],
)
def test_refuses_machines_that_do_not_fit(values: dict[str, Any], sentence: str, command: str) -> None:
    with pytest.raises(SluiceError) as caught:
        training_elsewhere(TAXI, environment(**values))
    assert sentence in caught.value.headline
    assert command in caught.value.next_command


def test_a_tensorboard_by_its_number_is_named_in_full() -> None:
    account = "sluice@p.iam.gserviceaccount.com"
    elsewhere = training_elsewhere(TAXI, environment(tensorboard="42", service_account=account))
    job = elsewhere.custom_config["ai_platform_training_args"]
    assert job["job_spec"]["tensorboard"] == "projects/acme-rides/locations/us-central1/tensorboards/42"


def test_a_workload_that_asks_for_a_gpu_refuses_a_fallback_without() -> None:
    workload = load_workload("taxi", ("train.accelerator=gpu",), None, None)
    training_elsewhere(workload, environment())
    with pytest.raises(SluiceError, match=r"`train.accelerator` of taxi is gpu, and n1-standard-8 .* has none"):
        training_elsewhere(workload, environment(training={"fallbacks": [{"machine_type": "n1-standard-8"}]}))


def test_vizier_has_a_machine_for_each_trial_and_its_own_limits() -> None:
    workload = load_workload("taxi", ("tuner.algorithm=random",), None, None)
    elsewhere = search_elsewhere(workload, environment(tuning={"service": "vertex-vizier", "parallel_trials": 5}))
    assert elsewhere.executor is TunerByVizier
    assert elsewhere.custom_config["vertex_parallel_trials"] == 5
    [pool] = elsewhere.custom_config["ai_platform_tuning_args"]["job_spec"]["worker_pool_specs"]
    assert pool["replica_count"] == "1"


def test_refuses_a_search_that_vizier_cannot_do_before_anything_is_submitted() -> None:
    workload = load_workload("taxi", ("tuner.algorithm=hyperband",), None, None)
    with pytest.raises(SluiceError, match="Vizier has no hyperband"):
        search_elsewhere(workload, environment(tuning={"service": "vertex-vizier"}))
