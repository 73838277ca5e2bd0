"""Which quota limits which GPU."""

from __future__ import annotations

import pytest

from cloud.preflight.plan import MachineDemand
from cloud.preflight.quota import limit_in, quota_metric


@pytest.mark.parametrize(
    ("accelerator", "metric"),
    [
        ("NVIDIA_L4", "custom_model_training_nvidia_l4_gpus"),
        ("NVIDIA_TESLA_T4", "custom_model_training_nvidia_t4_gpus"),
        ("NVIDIA_TESLA_A100", "custom_model_training_nvidia_a100_gpus"),
        ("NVIDIA_A100_80GB", "custom_model_training_nvidia_a100_80gb_gpus"),
        ("NVIDIA_H100_80GB", "custom_model_training_nvidia_h100_gpus"),
        ("NVIDIA_RTX_PRO_6000", "custom_model_training_nvidia_rtx_pro_6000_gpus"),
    ],
)
def test_each_gpu_has_its_metric(accelerator: str, metric: str) -> None:
    assert quota_metric(MachineDemand("the Trainer", None, accelerator, 1, "us-central1")) == metric


def test_accelerators_of_all_machines_count() -> None:
    assert MachineDemand("the Tuner", "n1-standard-8", "NVIDIA_TESLA_T4", 2, "us-central1", 4).accelerators == 8


INFO = {
    "dimensionsInfos": [
        {"dimensions": {"region": "us-central1"}, "details": {"value": "4"}, "applicableLocations": ["us-central1"]},
        {"dimensions": {"region": "us-east1"}, "details": {}, "applicableLocations": ["us-east1"]},
        {"details": {"value": "1"}, "applicableLocations": ["us-east1", "europe-west4"]},
    ]
}


@pytest.mark.parametrize(
    ("region", "limit"), [("us-central1", 4), ("us-east1", 0), ("europe-west4", 1), ("asia-east1", 0)]
)
def test_the_limit_of_a_region_goes_before_that_of_all_and_0_has_no_value(region: str, limit: int) -> None:
    assert limit_in(INFO, region) == limit


def test_a_quota_without_limits_is_0_as_in_a_new_project() -> None:
    assert limit_in({}, "us-central1") == 0
