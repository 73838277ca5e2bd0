"""Requests that nobody means well: no answer of 500 or above, no crash, and no memory that stays.

    python -m benchmarks.serving.fuzz --requests 20000

About a tenth is what schemathesis makes of the OpenAPI page; the rest are requests whose bytes were changed by chance.
Exit code 1 when the endpoint fails.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import click

from benchmarks.other_tools import interpreter_for
from benchmarks.serving.changes import STABLE, versions_of
from benchmarks.serving.client import send
from benchmarks.serving.measured import Target, endpoint, pushed_taxi
from benchmarks.serving.mutations import NO_ANSWER, Outcome, requests_like
from benchmarks.serving.mutations import sent as sent_changed
from serving.rollout.golden_file import read_golden

WORKLOAD = "taxi"
SCHEMATHESIS = "schemathesis==4.30.1"
# What the libraries take for their caches, whatever is sent.
MOST_GROWTH = 64_000_000
_PATHS = 11  # that the page describes
_WARM_UP = 2000


@click.command()
@click.option("--requests", default=20_000, show_default=True, help="At least.")
@click.option("--seed", default=1, show_default=True, help="Of both kinds.")
@click.option("--model", type=Path, help="A SavedModel that a run has pushed; without it, taxi is trained.")
def main(requests: int, seed: int, model: Path | None) -> None:
    """Send them, and report what came back."""
    with tempfile.TemporaryDirectory(prefix="sluice-fuzz-") as folder:
        home = Path(folder)
        served = (model or pushed_taxi(home / "run")).resolve()
        instances = read_golden(str(served)).instances
        bodies = [json.dumps({"instances": instances[:rows]}).encode() for rows in (1, 2, 5)]
        versions_of(served, home, WORKLOAD)
        # The log is written within the warm-up, so that its process is among those that must not grow.
        with endpoint(home, WORKLOAD, "--log-every", "1") as target:
            processes = _processes(target)
            draw = random.Random(seed)
            changed = asyncio.run(_sent(target, bodies, draw, _WARM_UP))
            before = target.memory()
            generated, trouble = _by_schemathesis(target, home, requests // 10, seed)
            more = asyncio.run(_sent(target, bodies, draw, max(0, requests - generated - _WARM_UP)))
            growth = target.memory() - before
            is_alive = processes <= _processes(target) and asyncio.run(_is_well(target, bodies[0]))
    codes, failed = changed.codes + more.codes, changed.failed + more.failed
    click.echo(f"{codes.total():,} requests with changed bytes: {_in_words(codes)}")
    click.echo(f"{generated:,} requests of {SCHEMATHESIS}: {trouble or 'none answered with 500 or above'}")
    click.echo(f"memory: {before / 1e6:.0f} MB after the first {_WARM_UP:,} requests, {growth / 1e6:+.0f} MB since")
    click.echo("the processes are the same, and answer" if is_alive else "a process has ended, or does not answer")
    for request in failed[:5]:
        click.echo(f"failed: {request[:500]!r}")
    if failed or trouble or not is_alive or growth > MOST_GROWTH:
        sys.exit(1)


async def _sent(target: Target, bodies: list[bytes], draw: random.Random, number: int) -> Outcome:
    at = urlsplit(target.url)
    assert at.port is not None
    return await sent_changed(requests_like(bodies, at.path, draw), number, at.port)


async def _is_well(target: Target, body: bytes) -> bool:
    ending = asyncio.Event()
    asyncio.get_running_loop().call_later(1, ending.set)
    answers = await send(target.url, body, 4, ending)
    return answers.failed == 0 and answers.codes[200] > 0


def _processes(target: Target) -> set[int]:
    return {target.process.pid, *(each.pid for each in target.process.children(recursive=True))}


def _in_words(codes: Counter[int]) -> str:
    parts = [f"{number:,} × {'no answer' if code == NO_ANSWER else code}" for code, number in sorted(codes.items())]
    return ", ".join(parts)


def _by_schemathesis(target: Target, folder: Path, number: int, seed: int) -> tuple[int, str]:
    """How many requests it made, and what it found; it fails where it cannot be installed."""
    interpreter = interpreter_for("schemathesis", [SCHEMATHESIS])
    if isinstance(interpreter, str):
        return 0, interpreter
    address = target.url.removesuffix(urlsplit(target.url).path)
    named = {"model": WORKLOAD, "endpoint": WORKLOAD, "version": STABLE, "deployed_id": STABLE}
    settings = folder / "schemathesis.toml"
    settings.write_text("[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in named.items()))
    command = [str(interpreter.parent / "st"), "--config-file", str(settings), "run", f"{address}/openapi.json"]
    command += ["--mode", "all", "--checks", "not_a_server_error", "--phases", "coverage,fuzzing", "--no-color"]
    command += ["--max-examples", str(number // _PATHS + 1), "--continue-on-failure", "--seed", str(seed)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    generated = sum(map(int, re.findall(r"(\d+) generated", done.stdout)))
    return generated, "" if done.returncode == 0 else done.stdout[-3000:] + done.stderr[-500:]


if __name__ == "__main__":
    main()
