"""The preflight of a job: what the environment and the workload demand, as a plan; the result, as a table."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from cloud.preflight.outcome import Failed, NotChecked, Passed, PreflightResult, Row, Warned
from cloud.preflight.plan import MachineDemand, Plan, ServingDemand
from cloud.preflight.run import run_preflight
from core.errors import SluiceError
from core.text import plural
from pipeline.config.environment import EnvironmentConfig, FallbackConfig, WorkersConfig
from pipeline.config.workload import WorkloadConfig
from runners.provenance import image_code

_MARKS = {Passed: ("✓", "green"), Warned: ("!", "yellow"), Failed: ("✗", "bold red"), NotChecked: ("–", "dim")}
_TITLE_WIDTH = 22


def preflight(
    config: WorkloadConfig, environment: EnvironmentConfig, job_id: str | None, console: Console
) -> PreflightResult:
    """Make every check and print the table.

    Args:
      config: the workload.
      environment: where it is to run.
      job_id: the name of the job; None: it is for a schedule, whose jobs Vertex AI names.
      console: where to print.

    Raises:
      SluiceError: with the first check that failed, when any did.
    """
    result = run_preflight(plan_of(config, environment, job_id))
    print_preflight(result, console)
    if result.failures:
        row, first = result.failures[0]
        more = len(result.failures) - 1
        tail = f" ({more} more {plural(more, 'check')} failed)" if more else ""
        raise SluiceError(f"{row.title}: {first.sentence}{tail}", first.command)
    return result


def plan_of(config: WorkloadConfig, environment: EnvironmentConfig, job_id: str | None) -> Plan:
    """What the job would be, as plain values."""
    return Plan(
        project=environment.project,
        region=environment.region,
        bucket=environment.bucket,
        image=environment.image,
        job_id=job_id,
        code=image_code(),
        service_account=environment.service_account,
        serving_image=environment.serving_image if environment.model_registry or environment.endpoint else None,
        dataflow_region=environment.dataflow.region or environment.region,
        machines=tuple(_machines(config, environment)),
        serving=_serving(environment),
        is_watched=environment.endpoint is not None and config.serving.rollout is not None,
        serving_account=environment.endpoint.service_account if environment.endpoint else None,
    )


def print_preflight(result: PreflightResult, console: Console) -> None:
    """Print a line for each check; the command that mends it stands below, unbroken, to be copied."""
    console.print(Text("preflight", style="bold"))
    for row in result.rows:
        for line in _lines(row):
            console.print(line, soft_wrap=True)


def _lines(row: Row) -> Iterator[Text]:
    mark, style = _MARKS[type(row.outcome)]
    sentence = row.outcome.sentence
    yield Text(f"  {mark} {row.title:<{_TITLE_WIDTH}} {sentence}", style="" if mark == "✓" else style)
    if isinstance(row.outcome, Failed | Warned) and row.outcome.command:
        yield Text(f"    {'':<{_TITLE_WIDTH}} {row.outcome.command}")


def _serving(environment: EnvironmentConfig) -> ServingDemand | None:
    wanted = environment.endpoint
    if wanted is None:
        return None
    return ServingDemand(
        machine_type=wanted.machine_type,
        accelerator_type=wanted.accelerator_type,
        accelerator_count=wanted.accelerator_count,
        max_replicas=wanted.max_replicas,
        region=environment.region,
        spot=wanted.spot,
    )


def _machines(config: WorkloadConfig, environment: EnvironmentConfig) -> Iterator[MachineDemand]:
    yield from _workers("the Trainer", environment.training, environment.region)
    if config.tuner.enabled:
        tuning = environment.tuning
        yield from _workers("the Tuner", tuning.machines, environment.region, tuning.parallel_trials)
    for name, task in {"every task": environment.task, **environment.tasks}.items():
        if task.accelerator_type:
            # The machine of a task is Vertex AI's choice.
            yield MachineDemand(name, None, task.accelerator_type, task.accelerator_count, environment.region)


def _workers(purpose: str, workers: WorkersConfig, region: str, parallel: int = 1) -> Iterator[MachineDemand]:
    first = FallbackConfig(
        machine_type=workers.machine_type,
        accelerator_type=workers.accelerator_type,
        accelerator_count=workers.accelerator_count,
    )
    for each in (first, *workers.fallbacks):
        yield MachineDemand(
            purpose=purpose,
            machine_type=each.machine_type,
            accelerator_type=each.accelerator_type,
            accelerator_count=each.accelerator_count,
            region=each.region or region,
            parallel=parallel,
            capacity=workers.capacity,
        )
