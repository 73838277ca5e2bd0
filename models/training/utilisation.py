"""The utilisation of a machine during training, and advice for a better machine."""

import subprocess
import threading
import time
from types import TracebackType

import psutil

from core.text import counted
from models.export.model_run import Utilisation

EVERY_SECONDS = 2.0
# Shorter trainings are mostly start-up and do not measure a machine.
WORTH_ADVICE_SECONDS = 120.0
IDLE_GPU, IDLE_CPU, BUSY_CPU = 0.5, 0.4, 0.85
STALLED, FULL_MEMORY = 0.15, 0.9
LONG_ON_CPU_SECONDS = 1800.0


class UtilisationSampler:
    """Samples this process in a separate thread during the `with`; reads GPUs by nvidia-smi."""

    def __init__(self, cores: int, gpus: bool) -> None:
        self._process, self._cores, self._gpus = psutil.Process(), cores, gpus
        self._memory: list[float] = []
        self._gpu: list[float] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="utilisation", daemon=True)

    def __enter__(self) -> "UtilisationSampler":
        self._began, self._cpu_before = time.monotonic(), self._cpu_seconds()
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._done.set()
        self._thread.join()
        self.seconds = self.elapsed
        self._cpu_used = self._cpu_seconds() - self._cpu_before

    @property
    def elapsed(self) -> float:
        """Seconds since the `with` began."""
        return time.monotonic() - self._began

    def utilisation(self, input_stall: float | None) -> Utilisation:
        """The utilisation after the `with`, with the given input stall."""
        return Utilisation(
            cpu=min(1.0, self._cpu_used / (self._cores * max(self.seconds, 1e-9))),
            gpu=sum(self._gpu) / len(self._gpu) if self._gpu else None,
            memory=min(1.0, max(self._memory)),
            input_stall=input_stall,
        )

    def _sample(self) -> None:
        total = memory_bytes()
        while True:
            self._memory.append(self._process.memory_info().rss / total)
            if self._gpus and (busy := gpu_share()) is not None:
                self._gpu.append(busy)
            if self._done.wait(EVERY_SECONDS):
                return

    def _cpu_seconds(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)


def memory_bytes() -> int:
    """The memory for this process: the machine's, or the limit of its container when that is lower."""
    machine = int(psutil.virtual_memory().total)
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:  # noqa: PTH123
            limit = file.read().strip()
    except OSError:
        return machine
    return min(machine, int(limit)) if limit.isdigit() else machine


def gpu_share() -> float | None:
    """The mean utilisation of the GPUs by nvidia-smi; None when it cannot be read."""
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout.split()
        return sum(float(share) for share in output) / len(output) / 100
    except (OSError, subprocess.SubprocessError, ValueError, ZeroDivisionError):
        return None


def advice_on(seen: Utilisation, seconds: float, cores: int, gpus: int, batch_size: int) -> list[str]:
    """Sentences about idle or overloaded parts, each with the next step; none for a short training."""
    if seconds < WORTH_ADVICE_SECONDS:
        return []
    found = []
    if seen.input_stall is not None and seen.input_stall > STALLED:
        more = f"a machine with more CPU cores than {cores}" if seen.cpu > BUSY_CPU else "files nearer to the machine"
        found.append(
            f"Training waited for its input in {seen.input_stall:.0%} of the time: take {more}, "
            "or less augmentation (`train.augmentation`)."
        )
    elif seen.gpu is not None and seen.gpu < IDLE_GPU:
        found.append(
            f"The {'GPU' if gpus == 1 else counted(gpus, 'GPU')} computed in {seen.gpu:.0%} of the time: double "
            f"`train.batch_size` ({batch_size}), or take a smaller machine such as "
            f"{'half as many GPUs' if gpus > 1 else 'one with a T4'}."
        )
    elif not gpus and seen.cpu > BUSY_CPU and seconds > LONG_ON_CPU_SECONDS:
        found.append(
            f"{cores} CPU cores were busy for {seconds / 60:.0f} minutes: a GPU (n1-standard-4 with one T4) or a "
            "machine with more cores would be done sooner."
        )
    elif not gpus and seen.cpu < IDLE_CPU and cores > 2:
        found.append(
            f"{cores} CPU cores were busy {seen.cpu:.0%} of the time: a machine with {max(2, cores // 2)} would do, "
            f"or a larger `train.batch_size` than {batch_size}."
        )
    if seen.memory > FULL_MEMORY:
        found.append(f"Memory was {seen.memory:.0%} full: take a machine with more, such as one of the highmem kind.")
    return found
