"""The local endpoint beside the SavedModel called in process and a plain wrapper of FastAPI, in turn on one machine.

    python -m benchmarks.serving --pairs 3

Serves the taxi model, with one row a request; writes benchmarks/serving.md and a row of history.md.
"""

from __future__ import annotations

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.serving.changes import Changed, Loading, changed_under_load, loading_beside, versions_of
from benchmarks.serving.measured import ROOT, Measured, Target, endpoint, median_of, plain_wrapper, pushed_taxi
from benchmarks.serving.page import append_row, page
from benchmarks.serving.wrk import loaded, tool
from core.atomic_write import write_text
from serving.local.endpoint import LocalEndpoint
from serving.rollout.golden_file import read_golden

PAGE = ROOT / "benchmarks" / "serving.md"
WORKLOAD = "taxi"
CONNECTIONS = (1, 8, 64)


@dataclass(frozen=True)
class Loads:
    """The runs of all three in turn, by the number of connections."""

    in_process: list[Measured]
    ours: dict[int, list[Measured]]
    plain: dict[int, list[Measured]]


@click.command()
@click.option("--pairs", default=3, show_default=True, help="Runs of each, in turn.")
@click.option("--seconds", default=10.0, show_default=True, help="Of each run.")
@click.option("--requests", default=20_000, show_default=True, help="At least, while the endpoint is changed.")
@click.option("--rate", default=200.0, show_default=True, help="Requests a second while another version is loaded.")
@click.option("--loadings", default=9, show_default=True, help="Times that another version is loaded.")
@click.option("--model", type=Path, help="A SavedModel that a run has pushed; without it, taxi is trained.")
def main(pairs: int, seconds: float, requests: int, rate: float, loadings: int, model: Path | None) -> None:
    """Measure, and write benchmarks/serving.md."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        home = Path(folder)
        served = (model or pushed_taxi(home / "run")).resolve()
        instance = read_golden(str(served)).instances[0]
        body = json.dumps({"instances": [instance]}).encode()
        versions = versions_of(served, home, WORKLOAD)
        with endpoint(home, WORKLOAD) as ours:
            local = LocalEndpoint(versions, WORKLOAD)
            with plain_wrapper(str(served)) as plain:
                loads = _in_turn(ours, plain, str(served), instance, body, pairs, seconds)
            loading = loading_beside(ours, versions, WORKLOAD, body, rate, seconds, loadings)
            click.echo(
                f"p99 while a version is loaded: {[f'{each.before:.1f} → {each.meanwhile:.1f}' for each in loading]}"
            )
            changed = changed_under_load(ours, local, WORKLOAD, body, requests)
            click.echo(f"{changed.failed} of {changed.requests:,} requests dropped during {changed.changes}")
    write(load, loads, loading, changed)


def write(load: float, loads: Loads, loading: list[Loading], changed: Changed) -> None:
    """Writes the page and the row."""
    limit = median_of(loads.in_process)
    ours = {number: median_of(runs) for number, runs in loads.ours.items()}
    plain = {number: median_of(runs) for number, runs in loads.plain.items()}
    write_text(PAGE, page(tool(), load, limit, ours, plain, loading, changed))
    append_row(limit, ours, plain)
    click.echo(f"written to {PAGE.relative_to(ROOT)}")


def _in_turn(ours: Target, plain: Target, model: str, instance: Any, body: bytes, pairs: int, seconds: float) -> Loads:
    loads = Loads([], {number: [] for number in CONNECTIONS}, {number: [] for number in CONNECTIONS})
    for target in (ours, plain):
        # The first requests of both find nothing warm.
        loaded(target, body, max(CONNECTIONS), 2)
    for number in range(1, pairs + 1):
        loads.in_process.append(_in_process(model, instance, seconds))
        for connections in CONNECTIONS:
            loads.ours[connections].append(loaded(ours, body, connections, seconds))
            loads.plain[connections].append(loaded(plain, body, connections, seconds))
            a, b = loads.ours[connections][-1], loads.plain[connections][-1]
            click.echo(
                f"pair {number}, {connections} at once: {a.rate:,.0f}/s, p50 {a.p50:.2f} ms; plain {b.rate:,.0f}/s, "
                f"p50 {b.p50:.2f} ms; in process p50 {loads.in_process[-1].p50:.2f} ms"
            )
    return loads


def _in_process(model: str, instance: Any, seconds: float) -> Measured:
    command = [sys.executable, "-m", "benchmarks.serving.in_process", model, json.dumps(instance), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
