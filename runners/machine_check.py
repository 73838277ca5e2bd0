"""Whether this machine has what a training asks for, said before anything runs and not after an hour of preparing."""

from __future__ import annotations

from pipeline.errors import SluiceError


def check_machine(accelerator: str) -> None:
    """Raises SluiceError when `train.accelerator` asks for a GPU and there is none."""
    if accelerator != "gpu":
        return
    from models.hardware import check_accelerator, hardware_here  # TensorFlow takes seconds to load
    from models.refusal import CannotTrain

    try:
        check_accelerator(accelerator, hardware_here())
    except CannotTrain as problem:
        raise SluiceError(problem.sentence, problem.next_command) from None
