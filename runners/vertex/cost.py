"""The cost of one run on Vertex AI, before it is submitted: hours by component times prices, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloud.cost import ContainerUse, CostPlan, DataflowUse, Estimate, Line, MachineUse, Span, estimate, exactly
from cloud.prices import load_prices
from core.errors import SluiceError
from core.text import listed
from pipeline.config.endpoint import EndpointConfig
from pipeline.config.environment import DataflowConfig, EnvironmentConfig, WorkersConfig
from pipeline.config.workload import WorkloadConfig
from runners.component_names import NAMES, name_of
from runners.results.record import effort_of
from runners.vertex.hours import ASSUMED_TRAINING, History, learned

BEAM_PARTS = ("ExampleGen", "StatisticsGen", "Transform", "Evaluator")
_SERVING = ("ServingExamples", "ServingStatistics")
_PREVIOUS = ("PreviousExamples", "PreviousStatistics")
_PLAIN = ("SchemaGen", "ExampleValidator", "DataGate", "Champion", "References", "ModelGate")

# Seconds until the work begins, assumed: an image of 4 GB is pulled, machines and Dataflow's workers start.
TASK_STARTS = Span(60.0, 150.0, 420.0)
JOB_STARTS = Span(120.0, 300.0, 600.0)
WORKERS_START = Span(120.0, 240.0, 480.0)
# How much of a processor's time a GPU takes; a small model gains little.
ON_GPU = Span(0.1, 0.5, 1.0)
ENDPOINT_MACHINE = "n1-standard-4"
_SHUFFLED = Span(0.01, 0.1, 1.0)  # GiB a Beam part, assumed
_HOUR = 3600.0


def estimate_cost(
    config: WorkloadConfig, environment: EnvironmentConfig, history_dir: Path | None, price_file: Path | None = None
) -> Estimate:
    """The cost of one run of the workload in the environment; hours come from earlier runs below `history_dir`.

    Raises:
      SluiceError: when the price file does not parse.
    """
    return estimate(
        cost_plan(config, environment, learned(history_dir, config.name, effort_of(config))), load_prices(price_file)
    )


def cost_plan(config: WorkloadConfig, environment: EnvironmentConfig, history: History) -> CostPlan:
    """What the steps of the pipeline use, and for how long."""
    beam, plain = _steps(config)
    tasks, jobs, dataflow = list[ContainerUse](), list[MachineUse](), list[DataflowUse]()
    for step in beam:
        busy = history.work(step) + WORKERS_START
        dataflow.append(_dataflow(step, environment, busy))
        tasks.append(_task(step, environment, busy))
    for step in plain:
        tasks.append(_task(step, environment, history.work(step)))
    if config.tuner.enabled:
        search = _search(config, environment, history)
        jobs.append(_job("Tuner", environment.tuning.machines, search))
        tasks.append(_task("Tuner", environment, search * (1 / environment.tuning.parallel_trials)))
    training = _on(environment.training, history.work("Trainer", ASSUMED_TRAINING)) + JOB_STARTS
    jobs.append(_job("Trainer", environment.training, training))
    tasks.append(_task("Trainer", environment, training))
    return CostPlan(
        region=environment.region,
        tasks=tuple(sorted(tasks, key=lambda use: _order(use.step))),
        jobs=tuple(jobs),
        dataflow=tuple(dataflow),
        endpoint=_served_by(environment.endpoint) if environment.endpoint else ENDPOINT_MACHINE,
        endpoint_machines=environment.endpoint.min_replicas if environment.endpoint else 1,
        notes=(
            history.basis,
            "Not in it: retries, fallbacks, storage, network and logs. What is taken from the cache costs nothing.",
        ),
    )


def _served_by(endpoint: EndpointConfig) -> str:
    """The machine of an endpoint, with its GPUs: the price of the machine alone must not stand for both."""
    carried = f" with {endpoint.accelerator_count} {endpoint.accelerator_type}" if endpoint.accelerator_type else ""
    return f"{endpoint.machine_type}{carried}"


def print_cost(cost: Estimate, console: Console) -> None:
    """Print the table of a run, what has no price, and what comes every month."""
    console.print(Text(f"cost of one run, in {cost.currency}", style="bold"))
    table = Table("step", "machines", box=None, padding=(0, 2, 0, 2))
    for title in ("hours", "likely", "range"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows_of(cost):
        table.add_row(*row, style="bold" if row[0] == TOTAL else "")
    console.print(table)
    for sentence in sentences_of(cost):
        console.print(Text(f"  {sentence}"), soft_wrap=True)
    if old := load_prices().old_age_warning(date.today()):
        console.print(Text(f"  {old}", style="yellow"), soft_wrap=True)


def refuse_above(cost: Estimate, max_cost: float) -> None:
    """Does nothing when the high end is at most `max_cost`.

    Raises:
      SluiceError: when it is more, or when something has no price and could cost anything.
    """
    at_most = cost.at_most
    if at_most is None:
        raise SluiceError(
            f"--max-cost {max_cost:g} cannot be held: there is no price of {listed(cost.unknown)}.",
            "Add it to cloud/data/prices.yaml, or submit without --max-cost.",
        )
    if at_most > max_cost:
        raise SluiceError(
            f"the run may cost up to {at_most:.2f} {cost.currency}, more than --max-cost {max_cost:g}.",
            f"Allow it with --max-cost {_rounded_up(at_most):g}, or take smaller machines in configs/environments/.",
        )


TOTAL = "total"


def rows_of(cost: Estimate) -> Iterator[tuple[str, str, str, str, str]]:
    """The table: step, machines, hours, likely cost, range; a step's second row has no name. The last is the total."""
    for step in dict.fromkeys(line.step for line in cost.lines):
        for index, line in enumerate(line for line in cost.lines if line.step == step):
            yield ("" if index else name_of(step), *_figures(line))
    total = cost.total
    more = " + ?" if cost.unknown else ""
    yield TOTAL, "", "", f"{_money(total.likely)}{more}", f"{_range(total)}{more}"


def sentences_of(cost: Estimate) -> Iterator[str]:
    """What stands below the table."""
    for line in cost.lines:
        if line.unknown:
            at_most = "" if line.ceiling is None else f" (at most {line.ceiling:.2f} more, the standard price)"
            yield f"Unknown: the price of {listed(line.unknown)}, for {name_of(line.step)}{at_most}."
    for line in cost.monthly:
        known = f"{line.cost.likely:.0f} to {line.cost.high:.0f}"
        price = f"no price of {listed(line.unknown)}" if line.unknown else known
        yield f"Every month beside it, when the model is served: {line.step} with {line.what}: {price}."
    yield from cost.notes


def _figures(line: Line) -> tuple[str, str, str, str]:
    hours = f"{line.hours.likely:.2f}" if line.hours.likely else ""
    if line.unknown and not line.cost.high:
        return line.what, hours, "unknown", "unknown"
    more = " + ?" if line.unknown else ""
    return line.what, hours, f"{_money(line.cost.likely)}{more}", f"{_range(line.cost)}{more}"


def _range(cost: Span) -> str:
    return f"{_money(cost.low)} to {_money(cost.high)}"


def _money(figure: float) -> str:
    return f"{figure:.2f}" if figure >= 0.005 or not figure else "<0.01"


def _order(step: str) -> int:
    """The place of a component in the table: that of the console, what the console does not know last."""
    known = list(NAMES)
    return known.index(step) if step in known else len(known)


def _steps(config: WorkloadConfig) -> tuple[list[str], list[str]]:
    """The Beam parts and the plain tasks of the workload's pipeline, but for Tuner and Trainer."""
    sources = config.data.source if isinstance(config.data.source, list) else [config.data.source]
    beam = [
        *BEAM_PARTS,
        *(_SERVING if config.data.serving_log else ()),
        *(_PREVIOUS if any("{SPAN}" in source for source in sources) else ()),
    ]
    baseline = config.evaluator.baseline
    plain = [
        *_PLAIN,
        *(["OutsideModel"] if baseline and baseline.saved_model else []),
        *(["Registrar"] if config.registry.enabled else []),
        *(["Pusher"] if config.serving.push else []),
        "ExitHandler",
    ]
    return beam, plain


def _search(config: WorkloadConfig, environment: EnvironmentConfig, history: History) -> Span:
    """Seconds of all trials together, on their machines."""
    tuner, tuning = config.tuner, environment.tuning
    share = tuner.epochs / config.train.usual_epochs
    one = history.work("Trainer", ASSUMED_TRAINING) * share
    work = history.work("Tuner", one * tuner.max_trials)
    starts = tuner.max_trials if tuning.service == "vertex-vizier" else tuning.parallel_trials
    return _on(tuning.machines, work) + JOB_STARTS * starts


def _on(workers: WorkersConfig, work: Span) -> Span:
    return work * ON_GPU if workers.accelerator_type else work


def _task(step: str, environment: EnvironmentConfig, busy: Span) -> ContainerUse:
    task = environment.tasks.get(step, environment.task)
    return ContainerUse(
        step=step,
        cpu=task.cpu,
        memory_gib=task.memory_gib,
        hours=_hours(busy + TASK_STARTS),
        accelerator_type=task.accelerator_type,
        accelerator_count=task.accelerator_count,
    )


def _job(step: str, workers: WorkersConfig, seconds: Span) -> MachineUse:
    return MachineUse(
        step=step,
        machine_type=workers.machine_type,
        accelerator_type=workers.accelerator_type,
        accelerator_count=workers.accelerator_count,
        hours=_hours(seconds),
        disk_gb=workers.disk_gb,
        capacity=workers.capacity,
    )


def _dataflow(step: str, environment: EnvironmentConfig, busy: Span) -> DataflowUse:
    dataflow = environment.dataflow
    return DataflowUse(
        step=step,
        machine_type=dataflow.machine_type,
        workers=_workers(dataflow),
        hours=_hours(busy),
        disk_gb=dataflow.disk_gb,
        shuffle_gib=_SHUFFLED,
    )


def _workers(dataflow: DataflowConfig) -> Span:
    if dataflow.autoscaling == "NONE":
        return exactly(float(dataflow.workers))
    return Span(1.0, dataflow.workers, dataflow.max_workers)


def _hours(seconds: Span) -> Span:
    return seconds * exactly(1 / _HOUR)


def _rounded_up(cost: float) -> float:
    return int(cost * 10 + 1) / 10
