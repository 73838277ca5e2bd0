"""`make bench`: Sluice and the official TFX taxi template in turn on the same rows and training steps; writes
results.md and appends to history.md."""

from __future__ import annotations

import json
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

from benchmarks.history import Compared, append_rows
from benchmarks.jittered_taxi import write_jittered
from benchmarks.official_template import TAXI_CSV, lay_out_template
from benchmarks.timed_process import ProcessCost, measure, python

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.md"
STEPS = 1000  # the template's own budget
BATCH = 40  # the template's own batch
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}
TEMPLATE_COMPONENTS = {"CsvExampleGen", "StatisticsGen", "SchemaGen", "Transform", "Trainer", "Evaluator", "Pusher"}
SAME_TRAINING = [
    f"train.max_steps={STEPS}",
    f"train.batch_size={BATCH}",
    "train.epochs=100",
    "train.early_stopping_patience=0",
]


@dataclass(frozen=True)
class Size:
    """One size of the data and its target."""

    name: str
    copies: int
    total_at_most: float  # share of the template's time


SIZES = (Size("15 k", 1, 0.8), Size("300 k", 20, 0.6))


@click.command()
@click.option("--pairs", default=3, show_default=True, help="Runs of each, in turn.")
def main(pairs: int) -> None:
    """Time both, alternating; write benchmarks/results.md and append to benchmarks/history.md."""
    sections, compared = [], []
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
            csv = Path(folder) / "data.csv"
            rows = write_jittered(TAXI_CSV, csv, size.copies) if size.copies > 1 else _copy(csv)
            click.echo(f"{size.name}: {rows:,} rows, {pairs} pairs")
            sluice, template = [], []
            for turn in range(pairs):
                sluice.append(_sluice(csv, Path(folder) / f"sluice-{turn}"))
                template.append(_template(csv, Path(folder) / f"template-{turn}"))
                click.echo(
                    f"  pair {turn + 1}: Sluice {sluice[-1].seconds:.1f} s, template {template[-1].seconds:.1f} s"
                )
            sections.append(_section(size, rows, sluice, template))
            compared.append(Compared(size.name, sluice, template))
    append_rows(compared)
    RESULTS.write_text(_page(sections), encoding="utf-8")
    click.echo(f"written: {RESULTS.relative_to(ROOT)}; a row for each size is in benchmarks/history.md")


def _copy(csv: Path) -> int:
    shutil.copy(TAXI_CSV, csv)
    return len(csv.read_text().splitlines()) - 1


def _sluice(csv: Path, output: Path) -> ProcessCost:
    overrides = [word for change in SAME_TRAINING for word in ("--set", change)]
    command = [python(), str(ROOT / "runners/local_runner.py"), "--data", str(csv), "--output-dir", str(output)]
    measured = measure([*command, *overrides], ROOT)
    record = json.loads((output / "taxi/latest/run.json").read_text())
    if record["outcome"] != "pushed":
        raise RuntimeError(f"the run ended {record['outcome']}: {record['reason']}")
    components = {component["name"]: component["seconds"] for component in record["components"]}
    return ProcessCost(measured.seconds, measured.peak_bytes, measured.output_lines, components)


def _template(csv: Path, folder: Path) -> ProcessCost:
    script = lay_out_template(folder, csv)
    measured = measure([python(), str(script)], folder, QUIET)
    if missing := TEMPLATE_COMPONENTS - set(measured.components):
        raise RuntimeError(f"the template did not run {', '.join(sorted(missing))}")
    return measured


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _section(size: Size, rows: int, sluice: list[ProcessCost], template: list[ProcessCost]) -> str:
    ratios = [one.seconds / other.seconds for one, other in zip(sluice, template, strict=True)]
    sluice_ingest = _median([run.components["ExampleGen"] for run in sluice])
    template_ingest = _median([run.components["CsvExampleGen"] for run in template])
    lines = [
        f"## {size.name}: {rows:,} rows, {STEPS} training steps of {BATCH}, {len(sluice)} pairs in turn",
        "",
        "| | Sluice (median, min–max) | official template (median, min–max) | ratio |",
        "|---|---|---|---|",
        _row("total wall time, s", [run.seconds for run in sluice], [run.seconds for run in template]),
        _row(
            "peak memory, GiB",
            [run.peak_bytes / 2**30 for run in sluice],
            [run.peak_bytes / 2**30 for run in template],
        ),
        _row("lines printed", [run.output_lines for run in sluice], [run.output_lines for run in template]),
        "",
        f"Total, pair by pair: {', '.join(f'{ratio:.2f}' for ratio in ratios)} of the template's time "
        f"(target: at most {size.total_at_most}). "
        f"Ingest: {template_ingest / sluice_ingest:.1f} times as fast as CsvExampleGen.",
        "",
        "| component | Sluice, s | template, s |",
        "|---|---|---|",
        *_components(sluice, template),
    ]
    return "\n".join(lines)


def _row(name: str, sluice: list[float], template: list[float]) -> str:
    cells = [f"{_median(values):.2f} ({min(values):.2f}–{max(values):.2f})" for values in (sluice, template)]
    return f"| {name} | {cells[0]} | {cells[1]} | {_median(sluice) / _median(template):.2f} |"


def _components(sluice: list[ProcessCost], template: list[ProcessCost]) -> list[str]:
    names = {"CsvExampleGen": "ExampleGen", "latest_blessed_model_resolver": "ChampionResolver"}
    of_sluice = {name: _median([run.components[name] for run in sluice]) for name in sluice[0].components}
    of_template = {
        names.get(name, name): _median([run.components[name] for run in template]) for name in template[0].components
    }
    shown = [*of_sluice, *(name for name in of_template if name not in of_sluice)]
    return [f"| {name} | {_seconds(of_sluice.get(name))} | {_seconds(of_template.get(name))} |" for name in shown]


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _page(sections: list[str]) -> str:
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} cores, {memory:.0f} GiB"
    head = [
        "# Speed against the official TFX taxi template",
        "",
        f"Measured on {time.strftime('%Y-%m-%d')} on {machine},",
        f"Python {platform.python_version()}; made by `make bench`.",
        "Both read the same CSV with the environment ready and an empty output folder, and run alternately. The larger",
        "CSV is the real one twenty times over with jittered fares, distances, durations and times. Sluice also",
        "validates three splits, fits reference models, draws intervals and writes the report; the template evaluates",
        "a third of the rows, Sluice the tenth that is its test split.",
    ]
    return "\n\n".join(["\n".join(head), *sections]) + "\n"


if __name__ == "__main__":
    main()
