"""The 27 points of LeNet-5 on Fashion-MNIST: one trial after another, two at a time, and killed in the middle.

    python -m benchmarks.parallel_search --pairs 2

Each search runs the pipeline up to the Tuner; writes search.md.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "search.md"
WORKLOAD = "fashion_mnist"


@dataclass(frozen=True)
class Found:
    """The result of a search, and the seconds of its Tuner."""

    trials: list[dict[str, Any]]
    seconds: float


@dataclass(frozen=True)
class Resumed:
    """A search that was killed and run again."""

    found: Found
    ended_before: int
    run_twice: int


@click.command()
@click.option("--share", default=0.25, show_default=True, help="Share of the 60,000 images.")
@click.option("--epochs", default=2, show_default=True, help="Of each trial.")
@click.option("--pairs", default=1, show_default=True, help="Searches of each kind, in turn.")
@click.option("--parallel", default=2, show_default=True, help="Trials at a time.")
def main(share: float, epochs: int, pairs: int, parallel: int) -> None:
    """Search in each way, and write benchmarks/search.md."""
    settings = [f"data.share={share}", f"tuner.epochs={epochs}", "tuner.stop_poor_trials=false"]
    one: list[Found] = []
    several: list[Found] = []
    for number in range(1, pairs + 1):
        one.append(_searched(settings, 1))
        several.append(_searched(settings, parallel))
        click.echo(
            f"pair {number}: {one[-1].seconds:.0f} s one by one, {several[-1].seconds:.0f} s {parallel} at a time"
        )
    resumed = _killed_and_resumed(settings, parallel)
    click.echo(f"killed after {resumed.ended_before} trials, run again: {resumed.run_twice} of them were run twice")
    RESULTS.write_text(_page(settings, one, several, parallel, resumed), encoding="utf-8")
    click.echo(f"written to {RESULTS.relative_to(ROOT)}")


def _command(folder: str, settings: list[str], parallel: int) -> list[str]:
    command = [sys.executable, "runners/local_runner.py", "--workload", WORKLOAD, "--profile", "lenet5"]
    command += ["--until", "Tuner", "--output-dir", folder]
    for setting in (*settings, "tuner.enabled=true", f"tuner.parallel_trials={parallel}"):
        command += ["--set", setting]
    return command


def _searched(settings: list[str], parallel: int) -> Found:
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        subprocess.run(_command(folder, settings, parallel), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return _found(Path(folder))


def _found(folder: Path) -> Found:
    run = json.loads((folder / WORKLOAD / "latest/run.json").read_text())
    [results] = folder.glob(f"{WORKLOAD}/artifacts/Tuner/tuner_results/*/trials.json")
    seconds = next(component["seconds"] for component in run["components"] if component["name"] == "Tuner")
    return Found(json.loads(results.read_text()), seconds)


def _killed_and_resumed(settings: list[str], parallel: int) -> Resumed:
    """Kills the run and its children when half of the trials have ended, then runs the same command again."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        command = _command(folder, settings, parallel)
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
        while len(_ended(Path(folder))) < 13:
            if process.poll() is not None:
                raise RuntimeError(f"the search ended before it was killed, with exit code {process.returncode}")
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        before = _ended(Path(folder))
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        after = _ended(Path(folder))
        return Resumed(_found(Path(folder)), len(before), sum(after[name] != when for name, when in before.items()))


def _ended(folder: Path) -> dict[str, int]:
    """The time of each ended trial, when its outcome was written."""
    files = folder.glob(f"{WORKLOAD}/artifacts/durable/search/*/trial-*.json")
    return {file.name: file.stat().st_mtime_ns for file in files}


def _page(settings: list[str], one: list[Found], several: list[Found], parallel: int, resumed: Resumed) -> str:
    ratios = [a.seconds / b.seconds for a, b in zip(one, several, strict=True)]
    same = [{**each, "seconds": 0, "score": 0} for each in one[0].trials] == [
        {**each, "seconds": 0, "score": 0} for each in several[0].trials
    ]
    apart = max(
        abs(a["score"] / b["score"] - 1)
        for a, b in zip(one[0].trials, several[0].trials, strict=True)
        if a["score"] and b["score"]
    )
    lines = [
        "# Hyperparameter search",
        "",
        f"The {len(one[0].trials)} points of LeNet-5 ({', '.join(settings)}) on {psutil.cpu_count()} cores of "
        f"{platform.machine()}; seconds of the Tuner component, each time without a cache.",
        "",
        f"| pair | one after another | {parallel} at a time | times as fast |",
        "|---|---|---|---|",
    ]
    for number, (a, b, ratio) in enumerate(zip(one, several, ratios, strict=True), start=1):
        lines.append(f"| {number} | {a.seconds:,.0f} s | {b.seconds:,.0f} s | {ratio:.2f} |")
    decided = "the same trials in the same order with the same choice" if same else "another order or choice"
    lines += [
        "",
        f"Both came to {decided}; scores differ by at most {apart:.1%}, since sums are added up in another order on "
        "another number of threads.",
        "",
        f"Killed (signal 9) when {resumed.ended_before} trials had ended, and run again: {len(resumed.found.trials)} "
        f"trials in the end, {resumed.run_twice} of the {resumed.ended_before} run twice.",
        "",
        "| trial | hyperparameters | lowest loss on eval | seconds |",
        "|---|---|---|---|",
    ]
    for trial in sorted(several[0].trials, key=lambda trial: trial["score"] or float("inf")):
        shown = ", ".join(f"{name} {value}" for name, value in trial["hyperparameters"].items())
        score = "–" if trial["score"] is None else f"{trial['score']:.3f}"
        lines.append(f"| {trial['trial']} | {shown} | {score} | {trial['seconds']:.1f} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
