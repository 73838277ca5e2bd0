"""The devices of this machine: detection, the check against the requested ones, and their use."""

import contextlib
import logging
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from core.errors import SluiceError

# From this compute capability on NVIDIA's GPUs multiply half-precision matrices in tensor cores.
TENSOR_CORES = (7, 0)


@dataclass(frozen=True)
class Hardware:
    """The devices that TensorFlow sees. `gpus` are their names; `tensor_cores` when every GPU has them."""

    cpu: str
    cores: int
    gpus: tuple[str, ...] = ()
    tensor_cores: bool = False
    half_precision_cpu: bool = False  # instructions that multiply bfloat16

    @property
    def devices(self) -> list[str]:
        """One line a device, as the report shows them."""
        return [*(f"GPU: {name}" for name in self.gpus), f"CPU: {self.cpu}, {self.cores} cores"]


def hardware_here() -> Hardware:
    """The hardware by TensorFlow and the operating system."""
    details = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    model, flags = _processor()
    return Hardware(
        cpu=model,
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        gpus=tuple(str(each.get("device_name", "unknown")) for each in details),
        tensor_cores=bool(details) and all(each.get("compute_capability", (0, 0)) >= TENSOR_CORES for each in details),
        half_precision_cpu=bool({"avx512_bf16", "amx_bf16"} & flags),
    )


def check_accelerator(wanted: str, found: Hardware) -> None:
    """Refuse a machine without the requested GPU: days on a CPU are no substitute for an hour.

    Raises:
      SluiceError: when a GPU is required and none is found.
    """
    if wanted == "gpu" and not found.gpus:
        built = "" if tf.test.is_built_with_cuda() else " This TensorFlow was built without CUDA."
        raise SluiceError(
            f"`train.accelerator` is gpu, and TensorFlow sees none (only {'; '.join(found.devices)}).{built}",
            "See what there is:  nvidia-smi    Train without:  --set train.accelerator=cpu",
        )
    logging.getLogger(__name__).info("trains on %s", "; ".join(found.devices))


def precision_policy(wanted: str, found: Hardware, uses_gpu: bool) -> str:
    """The Keras policy for `train.mixed_precision`: float32, or half precision where the hardware multiplies it.

    `auto` asks for it on GPUs with tensor cores alone: half precision on a CPU rounds to 8 bits, and is wanted only
    by those who say so.

    Raises:
      SluiceError: when `always` is configured and the CPU has no instructions for it.
    """
    if wanted == "never" or (wanted == "auto" and not (uses_gpu and found.tensor_cores)):
        return "float32"
    if uses_gpu:
        return "mixed_float16"
    if not found.half_precision_cpu:
        raise SluiceError(
            f"`train.mixed_precision` is always, and {found.cpu} has no instructions for bfloat16",
            "Train without:  --set train.mixed_precision=auto",
        )
    return "mixed_bfloat16"


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Layers that are built inside compute by `policy`; their weights are always float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def strategy_for(accelerator: str, found: Hardware) -> Any:
    """A strategy that splits each batch over several GPUs; else that of the single device."""
    if accelerator == "cpu":
        return tf.distribute.OneDeviceStrategy("/CPU:0") if found.gpus else tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy() if len(found.gpus) > 1 else tf.distribute.get_strategy()


def _processor() -> tuple[str, set[str]]:
    """The processor's name and flags, on Linux."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.is_file() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return fields.get("model name", platform.machine()), set(fields.get("flags", "").split())
