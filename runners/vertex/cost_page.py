"""`python -m runners.vertex.cost_page`: writes docs/cost.md, the cost of both workloads as `print_cost` has it."""

from __future__ import annotations

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from cloud.cost import Span
from cloud.prices import OLD_AFTER_DAYS, Prices, load_prices
from core.atomic_write import write_text
from core.errors import SluiceError
from core.printable import show_error
from pipeline.config.load import load_environment, load_workload
from runners.command_line import OneSentenceCommand
from runners.provenance import ROOT
from runners.vertex.cost import (
    ENDPOINT_MACHINE,
    JOB_STARTS,
    ON_GPU,
    TASK_STARTS,
    TOTAL,
    WORKERS_START,
    estimate_cost,
    rows_of,
    sentences_of,
)
from runners.vertex.hours import ASSUMED, ASSUMED_TRAINING, MOST_RUNS, OTHER_MACHINE

# Records of real runs, without their metrics and findings: what the hours of the page are learned from.
RUN_TIMES = ROOT / "docs" / "results" / "run_times"


class Run(NamedTuple):
    """One table of the page."""

    title: str
    workload: str
    profile: str | None
    overrides: tuple[str, ...]
    history: Path | None


RUNS = (
    Run("taxi", "taxi", None, (), RUN_TIMES),
    Run("fashion_mnist, profile quick", "fashion_mnist", "quick", (), RUN_TIMES),
    Run("fashion_mnist with its search, before any run", "fashion_mnist", None, ("tuner.enabled=true",), None),
)
ENVIRONMENT = "dev"

_INTRO = """\
<!-- Made by `python -m runners.vertex.cost_page --output docs/cost.md`; a test keeps it in step with the tool. -->
# What a run costs

`python runners/vertex_runner.py` prints this table for your workload, your environment and your earlier runs before it
submits anything; `--max-cost 5` refuses a run whose high end is above 5 USD. Nothing here was compared with a bill.

## Where the figures come from

- **Prices** are in `cloud/data/prices.yaml`, each with its source and date, and listed below. The file was looked
  through on {checked_on}; after {old} days the preflight warns. A price that is not there is listed as unknown and
  never counted as 0; with one, `--max-cost` refuses unless the standard price is known and bounds it.
- **Hours** are those of the newest {runs} runs and rehearsals of the workload over the same rows, by component, from
  their `run.json`: those with the same model, share of the rows, epochs and trials first, else those with others, whose
  hours are scaled by them. Without any run they are assumed, and those of training and search where the model was
  another. The tables below learn from `docs/results/run_times`, records of runs on a machine with two cores.
- **Another region** than that of a price: the low end takes the price as it is, the high end {elsewhere:g} times as
  much, the ratio of the dearest region.
- **A pipeline task** is priced as an E2 machine of its size; with a GPU, as an N1 machine of its size or as the
  smallest machine that has the GPU built in. Vertex AI chooses the machine.

What is assumed, in seconds:

| | at least | likely | at most |
| --- | --- | --- | --- |
{assumed}

Two assumptions are factors of time: a machine of the cloud against that of the earlier runs, {machine};
a GPU against a processor, {gpu}. An endpoint is counted with one {endpoint}.
"""


@click.command(cls=OneSentenceCommand)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The page to write.")
def main(output: Path) -> None:
    """Write the page of costs, whole or not at all."""
    try:
        _write(output)
    except SluiceError as problem:
        show_error(problem)
        sys.exit(problem.exit_code)


def _write(output: Path) -> None:
    page = cost_page()
    try:
        write_text(output, page)
    except OSError as problem:
        sentence = f"the page {output} cannot be written: {problem.strerror}."
        raise SluiceError(sentence, "Name a file in a folder that is there:  --output docs/cost.md") from problem


def cost_page() -> str:
    """The page.

    Raises:
      SluiceError: when the price file, a workload or the environment cannot be used.
    """
    prices = load_prices()
    environment = load_environment(ENVIRONMENT)
    parts = [_intro(prices)]
    for run in RUNS:
        config = load_workload(run.workload, run.overrides, profile=run.profile)
        cost = estimate_cost(config, environment, run.history)
        rows = [(f"**{row[0]}**", *row[1:]) if row[0] == TOTAL else row for row in rows_of(cost)]
        heading = f"## {run.title}, in `{ENVIRONMENT}` ({environment.region}), {cost.currency}"
        sentences = [f"- {sentence}" for sentence in sentences_of(cost)]
        parts += [heading, _table(("step", "machines", "hours", "likely", "range"), rows), "\n".join(sentences)]
    parts += [f"## The prices, in {prices.currency}", _table(_PRICE_COLUMNS, _price_rows(prices))]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


_PRICE_COLUMNS = ("price of", "a", "price", "where", "", "source")


def _price_rows(prices: Prices) -> Iterator[tuple[str, ...]]:
    for each in prices.prices:
        kind = "derived" if each.derived else "read"
        where = each.region or "everywhere"
        yield each.what, each.unit, _plain(each.price), where, kind, f"{each.source} ({each.date})"


def _plain(price: float) -> str:
    return f"{price:.7f}".rstrip("0").rstrip(".")


def _intro(prices: Prices) -> str:
    assumed = {
        "a component's work": ASSUMED,
        "a training": ASSUMED_TRAINING,
        "until a task starts": TASK_STARTS,
        "until a custom job starts": JOB_STARTS,
        "until Dataflow's workers start": WORKERS_START,
    }
    return _INTRO.format(
        checked_on=prices.checked_on.isoformat(),
        old=OLD_AFTER_DAYS,
        runs=MOST_RUNS,
        elsewhere=prices.elsewhere_at_most,
        assumed="\n".join(f"| {name} | {s.low:g} | {s.likely:g} | {s.high:g} |" for name, s in assumed.items()),
        machine=_factors(OTHER_MACHINE),
        gpu=_factors(ON_GPU),
        endpoint=ENDPOINT_MACHINE,
    )


def _factors(span: Span) -> str:
    return f"{span.low:g} to {span.high:g}, likely {span.likely:g}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
