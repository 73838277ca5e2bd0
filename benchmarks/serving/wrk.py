"""Load by wrk, a client in C: it takes little of the processor that the servers need."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.serving.client import send
from benchmarks.serving.measured import Measured, Target, quantiles
from serving.protocol.errors import JSON

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def tool() -> str:
    """What makes the load."""
    return "wrk" if shutil.which("wrk") else "a client in Python (install wrk for exact figures)"


def loaded(target: Target, body: bytes, connections: int, seconds: float) -> Measured:
    """Sends one request after another on each connection, for so long."""
    before = target.processor_seconds()
    if shutil.which("wrk"):
        measured = _by_wrk(target.url, body, connections, seconds)
    else:
        measured = asyncio.run(_by_python(target.url, body, connections, seconds))
    spent = (target.processor_seconds() - before) * 1000 / max(1, measured.requests)
    return Measured(measured.rate, measured.p50, measured.p99, spent, measured.requests, measured.failed)


def _by_wrk(url: str, body: bytes, connections: int, seconds: float) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        content = json.dumps(body.decode(), ensure_ascii=False)
        script.write_text(f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "{JSON}"\nwrk.body = {content}\n')
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds:g}s",
            "--timeout",
            "60s",
            "--latency",
            "-s",
            str(script),
            url,
        ]
        return parsed(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def parsed(output: str) -> Measured:
    """The report of wrk. Answers of another status, and connections that broke, are failures."""
    requests, seconds = re.findall(r"(\d+) requests in ([\d.]+\w+),", output)[0]
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", output)))
    for errors in re.findall(r"Socket errors: (.+)", output):
        failed += sum(map(int, re.findall(r"\d+", errors)))
    p50, p99 = (_milliseconds(re.findall(rf"{percent}%\s+([\d.]+\w+)", output)[0]) for percent in (50, 99))
    return Measured(int(requests) * 1000 / _milliseconds(seconds), p50, p99, 0.0, int(requests), failed)


def _milliseconds(text: str) -> float:
    number, unit = re.findall(r"([\d.]+)(\w+)", text)[0]
    return float(number) * _UNITS[unit]


async def _by_python(url: str, body: bytes, connections: int, seconds: float) -> Measured:
    ending = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, ending.set)
    began = time.perf_counter()
    answers = await send(url, body, connections, ending)
    p50, p99 = quantiles([latency for _, latency in answers.latencies])
    total = answers.codes.total()
    return Measured(total / (time.perf_counter() - began), p50, p99, 0.0, total, answers.failed)
