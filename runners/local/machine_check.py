"""Whether this machine has what a training asks for, said before anything runs and not after an hour of preparing."""

from __future__ import annotations


def check_machine(accelerator: str) -> None:
    """Whether there is a GPU when `train.accelerator` asks for one.

    Raises:
      SluiceError: when there is none.
    """
    if accelerator != "gpu":
        return
    from models.training.hardware import check_accelerator, hardware_here  # TensorFlow takes seconds to load

    check_accelerator(accelerator, hardware_here())
