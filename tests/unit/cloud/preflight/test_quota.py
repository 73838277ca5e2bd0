"""Which quota limits which GPU."""

from __future__ import annotations

import pytest

from cloud.preflight.plan import MachineDemand
from cloud.preflight.quota import quota_metric


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
    assert MachineDemand("the Tuner", "n1-standard-8", "NVIDIA_TESLA_T4", 2, "us-central1", 3, 4).accelerators == 24
