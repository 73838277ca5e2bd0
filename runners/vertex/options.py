"""The options of `vertex_runner.py` that stand for keys of the environment or of the workload. No heavy imports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from click.core import ParameterSource

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class KeyOption:
    """An option that sets a key. A flag sets `value`; another option sets what it is given."""

    names: tuple[str, ...]
    key: str
    help: str
    of_workload: bool = False
    value: str | None = None
    choices: tuple[str, ...] = ()
    least: int | None = None  # of a whole number; None: any text

    @property
    def parameter(self) -> str:
        """The name of the command's argument."""
        return self.names[0].partition("/")[0].removeprefix("--").replace("-", "_")


PLACE = (
    KeyOption(("--project",), "project", "Google Cloud project; overrides the environment's."),
    KeyOption(("--region",), "region", "Region; overrides the environment's."),
)
KEYS = (
    *PLACE,
    KeyOption(("--bucket",), "bucket", "Bucket for artifacts, without gs://; overrides the environment's."),
    KeyOption(
        ("--image", "--container-uri"), "image", "Container image of the components; overrides the environment's."
    ),
    KeyOption(("--service-account",), "service_account", "Account that the pipeline runs as."),
    KeyOption(("--experiment-name",), "experiment", "Vertex AI experiment that collects parameters and metrics."),
    KeyOption(("--tensorboard-name",), "tensorboard", "Existing TensorBoard instance: number or resource name."),
    KeyOption(("--machine-type",), "training.machine_type", "Machine of the Trainer, e.g. g2-standard-12."),
    KeyOption(("--accelerator-type",), "training.accelerator_type", "GPU of the Trainer, e.g. NVIDIA_L4; null: none."),
    KeyOption(("--accelerator-count",), "training.accelerator_count", "How many of them.", least=0),
    KeyOption(
        ("--spot",), "training.capacity", "Train on spot capacity: cheaper, and can be taken away.", value="spot"
    ),
    KeyOption(("--num-epochs",), "train.epochs", "Passes over train at most.", of_workload=True, least=1),
    KeyOption(
        ("--tuning",),
        "tuning.service",
        "Search hyperparameters, on workers of our own or by Vertex AI Vizier.",
        choices=("workers", "vertex-vizier"),
    ),
    KeyOption(("--max-trial-count",), "tuner.max_trials", "Trials of the search at most.", of_workload=True, least=1),
    KeyOption(("--max-parallel-trial-count",), "tuning.parallel_trials", "Trials at the same time.", least=1),
    KeyOption(("--enable-model-registry",), "model_registry", "Also upload blessed models to Vertex AI.", value="true"),
    KeyOption(("--cache/--no-cache",), "caching", "Whether unchanged tasks take the results of earlier runs."),
)


# Options that a way of running would pass over, by the way: what it does, and the names of their arguments.
_WITHOUT_MEANING = {
    "check": (
        "compiles one job and sends nothing",
        ("schedule", "max_cost", "yes", "job_name", "follow", "debug_sync"),
    ),
    "dry_run": ("sends nothing", ("yes", "follow", "debug_sync")),
    "rehearse": ("executes one job here, and stays", ("schedule", "max_cost", "yes", "follow", "debug_sync")),
    "schedule": ("leaves it to Vertex AI to start and to name jobs", ("job_name", "follow", "debug_sync")),
}


def refuse_without_meaning(context: click.Context) -> None:
    """Does nothing when every option that was given has a meaning beside the others.

    Raises:
      UsageError: for the first that has none.
    """
    ways = [way for way in ("check", "dry_run", "rehearse") if context.params[way]]
    if len(ways) > 1:
        raise click.UsageError("--check, --dry-run and --rehearse exclude each other")
    if context.params["schedule"] is not None:
        ways.append("schedule")
    for way in ways:
        does, others = _WITHOUT_MEANING[way]
        for other in others:
            if context.get_parameter_source(other) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"{_flag(way)} {does}: {_flag(other)} has no meaning beside it")


def _flag(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"


def with_keys(options: Iterable[KeyOption]) -> Callable[[_Command], _Command]:
    """A decorator that gives a command the options, in this order."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(tuple(options)):
            command = _declared(option)(command)
        return command

    return decorate


def environment_overrides(given: Mapping[str, Any], labels: str | None = None) -> tuple[str, ...]:
    """KEY=VALUE for each option that was given and is the environment's; `labels` is K=V,K=V.

    Raises:
      UsageError: when the labels are not of that form, or a key is given twice.
    """
    pairs = [_label(pair) for pair in (labels or "").split(",") if pair]
    keys = [key for key, _ in pairs]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise click.UsageError(f"--labels: the key `{twice}` is given twice")
    return (*_overrides(given, of_workload=False), *(f"labels.{key}={json.dumps(value)}" for key, value in pairs))


def workload_overrides(given: Mapping[str, Any]) -> tuple[str, ...]:
    """KEY=VALUE for each option that was given and is the workload's. `--tuning` also switches the
    search on."""
    search = ("tuner.enabled=true",) if given.get("tuning") else ()
    return (*_overrides(given, of_workload=True), *search)


def _overrides(given: Mapping[str, Any], of_workload: bool) -> list[str]:
    found = []
    for option in KEYS:
        value = given.get(option.parameter)
        was_given = value if option.value else value is not None
        if option.of_workload is not of_workload or not was_given:
            continue
        found.append(f"{option.key}={option.value or _written(value)}")
    return found


def _written(value: Any) -> str:
    """A value as YAML: the number of a TensorBoard is text, and `null` is none."""
    return "null" if value == "null" else json.dumps(value)


def _label(pair: str) -> tuple[str, str]:
    key, equals, value = pair.strip().partition("=")
    if not equals or not key:
        raise click.UsageError(f"--labels: `{pair}` is not KEY=VALUE")
    return key, value


def _declared(option: KeyOption) -> Callable[[_Command], _Command]:
    if option.value is not None:
        return click.option(*option.names, is_flag=True, help=option.help)
    if "/" in option.names[0]:
        return click.option(*option.names, default=None, help=option.help)
    if option.choices:
        return click.option(*option.names, type=click.Choice(option.choices), help=option.help)
    if option.least is not None:
        return click.option(*option.names, type=click.IntRange(min=option.least), help=option.help)
    return click.option(*option.names, help=option.help)
