"""Checks before a run that this machine has the hardware that the training requires."""

from __future__ import annotations


def check_machine(accelerator: str) -> None:
    """Refuse a machine without a GPU when `train.accelerator` requires one.

    Raises:
      SluiceError: when there is none.
    """
    if accelerator != "gpu":
        return
    from models.training.hardware import check_accelerator, hardware_here  # TensorFlow takes seconds to load

    check_accelerator(accelerator, hardware_here())
