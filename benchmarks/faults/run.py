"""`make bench-faults`: every planted fault, every clean control and the false-alarm rate; writes benchmarks/faults.md.

python -m benchmarks.faults [--only NAME] [--fast] [--without-peers]
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from benchmarks.faults.controls import controls, fresh_splits
from benchmarks.faults.page import page
from benchmarks.faults.plants import Plant, plants
from benchmarks.faults.tables import ROOT
from benchmarks.faults.tasks import ONE_THREAD, Result, SuiteTask, perform_all

PAGE = ROOT / "benchmarks" / "faults.md"
SEEDS = (0, 1, 2)
FAST_SEEDS = (0,)


@click.command()
@click.option(
    "--only", default="", help="Plants and controls whose name or table contains this; prints, writes no page."
)
@click.option("--fast", is_flag=True, help="One seed, no dose curves, a tenth of the fresh splits; writes no page.")
@click.option("--without-peers", is_flag=True, help="Runs Sluice only and keeps the other tools' columns.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default="cores", help="Processes, one thread each.")
@click.option("--what", type=click.Choice(["all", "plant", "control", "fresh"]), default="all", help="A part alone.")
def main(only: str, fast: bool, without_peers: bool, jobs: int, what: str) -> None:
    """Run the suite and write benchmarks/faults.md."""
    os.environ.update(ONE_THREAD)
    tasks = [task for task in (*plant_tasks(fast), *control_tasks(fast)) if what in ("all", task.what)]
    tasks = [task for task in tasks if only in task.name or only == task.table]
    results = run(tasks, jobs)
    _print_summary(results)
    if only or fast or what != "all":
        return
    from benchmarks.faults.peer_runs import peer_answers

    peers = peer_answers(refresh=not without_peers)
    PAGE.write_text(page(results, peers), encoding="utf-8")
    click.echo(f"written: {PAGE.relative_to(ROOT)}")


def plant_tasks(fast: bool = False) -> list[SuiteTask]:
    """Headline doses with every seed on the first table, one seed on the others; the other doses once."""
    return [task for plant in plants() for task in _tasks_of(plant, fast)]


def _tasks_of(plant: Plant, fast: bool) -> list[SuiteTask]:
    first, *others = plant.on
    tasks = [SuiteTask("plant", plant.name, first, seed, plant.headline) for seed in (FAST_SEEDS if fast else SEEDS)]
    tasks += [SuiteTask("plant", plant.name, table, SEEDS[0], plant.headline) for table in others]
    if not fast:
        tasks += [
            SuiteTask("plant", plant.name, first, SEEDS[0], dose) for dose in plant.doses if dose != plant.headline
        ]
    return tasks


def control_tasks(fast: bool = False) -> list[SuiteTask]:
    """Every control and every fresh split."""
    fresh = fresh_splits()[:: 10 if fast else 1]
    return [SuiteTask("control", each.name, each.table, each.seed) for each in controls()] + [
        SuiteTask("fresh", each.name, each.table, each.seed) for each in fresh
    ]


def run(tasks: Sequence[SuiteTask], jobs: int) -> list[Result]:
    """Runs the tasks with a progress bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        bar = progress.add_task("cases", total=len(tasks))

        def show(result: Result) -> None:
            progress.update(bar, advance=1, description=f"{result.task.name[:44]:44}")
            if not is_right(result):
                progress.console.print(_in_words(result), markup=False, highlight=False, soft_wrap=True)

        return perform_all(tasks, jobs, show)


GOOD = ("caught", "passed", "unavailable")


def is_right(result: Result) -> bool:
    """Caught for the right reason, or passed; doses other than the headline may be missed, never misjudged."""
    task = result.task
    if task.what == "plant" and result.outcome == "missed" and not _is_headline(task):
        return True
    return result.outcome in GOOD


def _in_words(result: Result) -> str:
    task = result.task
    dose = "" if task.dose is None else f", dose {task.dose:g}"
    lines = [f"{result.outcome}: {task.name} on {task.table}, seed {task.seed}{dose} {result.error}".rstrip()]
    for each in result.blocks:
        lines.append(f"    {each['kind']}/{each['check']} on {each['subject']}: {str(each['reason'])[:300]}")
    return "\n".join(lines)


def _print_summary(results: Sequence[Result]) -> None:
    """The number of expected outcomes."""
    for what in ("plant", "control", "fresh"):
        of_it = [each for each in results if each.task.what == what and each.outcome != "unavailable"]
        if of_it:
            click.echo(f"{what}: {sum(map(is_right, of_it))} of {len(of_it)} as they should be")


def _is_headline(task: SuiteTask) -> bool:
    return next(each for each in plants() if each.name == task.name).headline == task.dose
