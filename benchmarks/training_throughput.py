"""Images a second of the Trainer component against a bare Keras `fit` on the same model and images in memory.

    python -m benchmarks.training_throughput --pairs 3

The pipeline prepares the images up to Transform. Then both train in turn, each in a separate process; writes
training.md.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "training.md"
AT_LEAST = 0.95
CONTENDERS = ("Trainer", "bare fit", "bare fit, 32 steps at a time")


@dataclass(frozen=True)
class Setting:
    """The training that all contenders share."""

    artifacts: str
    module: str
    batch_size: int
    epochs: int


@dataclass(frozen=True)
class Rates:
    """Images a second: of wall time, and of processor time."""

    wall: float
    processor: float


@click.command()
@click.option("--module", default="models.lenet5", show_default=True, help="The model.")
@click.option("--share", default=0.5, show_default=True, help="Share of the 60,000 images.")
@click.option("--batch-size", default=64, show_default=True)
@click.option("--epochs", default=5, show_default=True)
@click.option("--pairs", default=5, show_default=True, help="Trainings of each, in turn.")
@click.option("--prepared", type=Path, help="The output folder of a run that completed Transform.")
def main(module: str, share: float, batch_size: int, epochs: int, pairs: int, prepared: Path | None) -> None:
    """Train with each in turn, and write benchmarks/training.md."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        artifacts = prepared or _prepare(Path(folder), share)
        setting = Setting(str(artifacts), module, batch_size, epochs)
        rates: dict[str, list[Rates]] = {name: [] for name in CONTENDERS}
        for number in range(1, pairs + 1):
            for name in CONTENDERS:
                rates[name].append(_in_its_own_process(name, setting))
                click.echo(f"round {number}: {name:<30} {rates[name][-1].wall:8,.0f} images a second")
    RESULTS.write_text(_page(setting, rates), encoding="utf-8")
    click.echo(f"written to {RESULTS.relative_to(ROOT)}")


def _prepare(folder: Path, share: float) -> Path:
    command = [sys.executable, "runners/local_runner.py", "--workload", "fashion_mnist", "--until", "Transform"]
    subprocess.run([*command, "--output-dir", str(folder), "--set", f"data.share={share}"], cwd=ROOT, check=True)
    return folder


def _in_its_own_process(name: str, setting: Setting) -> Rates:
    command = [sys.executable, "-m", "benchmarks.training_contender", name, json.dumps(vars(setting))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} exited with {done.returncode}:\n{done.stderr[-3000:]}")
    return Rates(*json.loads(done.stdout.splitlines()[-1]))


def _page(setting: Setting, rates: dict[str, list[Rates]]) -> str:
    trainer, bare, bare_in_steps = (rates[name] for name in CONTENDERS)
    lines = [
        "# Training throughput",
        "",
        f"{setting.module}, batches of {setting.batch_size}, {setting.epochs} epochs with their evaluations, on "
        f"{psutil.cpu_count()} cores of {platform.machine()}, which other processes used as well; "
        f"{len(trainer)} trainings of each in turn, medians. The whole of `fit` counts: tracing, the first reading of "
        "the files, checkpoints, TensorBoard's files. The Trainer reads the gzip TFRecords that Transform "
        "wrote; the bare loop has the same features as NumPy arrays in memory.",
        "",
        "| | images a second | by round | images a second of processor time |",
        "|---|---|---|---|",
    ]
    for name, found in rates.items():
        by_round = ", ".join(f"{each.wall:,.0f}" for each in found)
        wall, processor = (statistics.median(getattr(each, kind) for each in found) for kind in ("wall", "processor"))
        lines.append(f"| {name} | {wall:,.0f} | {by_round} | {processor:,.0f} |")
    wall, processor = _ratios(trainer, bare)
    wall_stricter, processor_stricter = _ratios(trainer, bare_in_steps)
    verdict = "met" if wall >= AT_LEAST else "missed"
    lines += [
        "",
        f"Wanted: at least {AT_LEAST} of the bare loop. Found: {wall:.2f} ({processor:.2f} by processor time), "
        f"{verdict}. Against the same loop with as many steps at a time as the Trainer takes: {wall_stricter:.2f} "
        f"({processor_stricter:.2f} by processor time). Medians over the rounds, each compared within itself.",
    ]
    return "\n".join([*lines, ""])


def _ratios(trainer: list[Rates], bare: list[Rates]) -> tuple[float, float]:
    """By wall time and by processor time."""
    pairs = list(zip(trainer, bare, strict=True))
    by_wall = statistics.median(one.wall / other.wall for one, other in pairs)
    return by_wall, statistics.median(one.processor / other.processor for one, other in pairs)


if __name__ == "__main__":
    main()
