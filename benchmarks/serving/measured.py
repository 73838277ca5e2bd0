"""What a load has measured, and the servers that it is put on."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 120
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Measured:
    """Requests a second, latencies in milliseconds, milliseconds of processor time for each request, the number of
    requests, and of those that were not answered with 200."""

    rate: float
    p50: float
    p99: float
    processor: float
    requests: int
    failed: int


@dataclass(frozen=True)
class Target:
    """A server, and the address that takes its requests."""

    url: str
    process: psutil.Process

    def processor_seconds(self) -> float:
        """Of the server and all its children so far."""
        total = 0.0
        for process in [self.process, *self.process.children(recursive=True)]:
            times = process.cpu_times()
            total += times.user + times.system
        return total

    def memory(self) -> int:
        """Bytes of the server and all its children."""
        return sum(each.memory_info().rss for each in [self.process, *self.process.children(recursive=True)])


def quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th percentile, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def median_of(runs: Sequence[Measured]) -> Measured:
    """Median by median; requests and failures are added up."""

    def median(name: str) -> float:
        return statistics.median(getattr(run, name) for run in runs)

    requests, failed = sum(run.requests for run in runs), sum(run.failed for run in runs)
    return Measured(median("rate"), median("p50"), median("p99"), median("processor"), requests, failed)


def pushed_taxi(output: Path) -> Path:
    """The SavedModel of a new run of the taxi workload."""
    command = [sys.executable, "runners/local_runner.py", "--workload", "taxi", "--output-dir", str(output)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    [version] = [each for each in (output / "serving/taxi").iterdir() if each.name.isdigit()]
    return version


@contextmanager
def endpoint(home: Path, workload: str, *arguments: str) -> Iterator[Target]:
    """`python -m serving` on the versions in `home/serving/workload`."""
    command = ["-m", "serving", "--workload", workload, "--output-dir", str(home), *arguments]
    with _running(command, f"/v1/models/{workload}:predict", "/healthz") as target:
        yield target


@contextmanager
def plain_wrapper(model: str) -> Iterator[Target]:
    """The usual way; see plain_wrapper.py."""
    with _running(["-m", "benchmarks.serving.plain_wrapper", model], "/predict", "/openapi.json") as target:
        yield target


@contextmanager
def _running(arguments: list[str], path: str, health: str) -> Iterator[Target]:
    port = _free_port()
    placed = ["--port", str(port)] if "serving" in arguments else [str(port)]
    process = subprocess.Popen(
        [sys.executable, *arguments, *placed],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, address + health)
        yield Target(address + path, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(60)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with exit code {process.returncode}")
        try:
            with _OPENER.open(url, timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"{url} did not answer within {_READY_SECONDS} s")
