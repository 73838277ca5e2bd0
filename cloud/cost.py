"""What a run costs: hours of machines times prices, as a range. What has no price is listed and never counts as 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from cloud.machines import catalogue, smallest_with
from cloud.prices import Prices

HOURS_A_MONTH = 730.0


@dataclass(frozen=True)
class Span:
    """A figure that is not known exactly: at least, most likely, at most."""

    low: float
    likely: float
    high: float

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def __mul__(self, other: Span | float) -> Span:
        by = other if isinstance(other, Span) else exactly(other)
        return Span(self.low * by.low, self.likely * by.likely, self.high * by.high)


def exactly(figure: float) -> Span:
    """A figure that is known."""
    return Span(figure, figure, figure)


NOTHING = exactly(0.0)


@dataclass(frozen=True)
class MachineUse:
    """Machines of a custom job; `hours` are those of all of them together."""

    step: str
    machine_type: str
    accelerator_type: str | None
    accelerator_count: int  # on each machine
    hours: Span
    disk_gb: int = 100
    capacity: str = "standard"  # or "spot", "flex_start"


@dataclass(frozen=True)
class ContainerUse:
    """The container of a pipeline task, which Vertex AI runs on a machine of its choice."""

    step: str
    cpu: float
    memory_gib: float
    hours: Span
    accelerator_type: str | None = None
    accelerator_count: int = 0


@dataclass(frozen=True)
class DataflowUse:
    """The workers of one Beam part; `hours` are those of one worker."""

    step: str
    machine_type: str
    workers: Span
    hours: Span
    disk_gb: int
    shuffle_gib: Span = NOTHING


@dataclass(frozen=True)
class CostPlan:
    """Everything that one run uses. An endpoint is paid by the month, whether it is asked or not."""

    region: str
    tasks: tuple[ContainerUse, ...] = ()
    jobs: tuple[MachineUse, ...] = ()
    dataflow: tuple[DataflowUse, ...] = ()
    endpoint: str | None = None  # a machine type
    endpoint_machines: int = 1  # that are always there
    notes: tuple[str, ...] = ()  # what the hours are based on


@dataclass(frozen=True)
class Line:
    """A row of the table. `cost` is of what has a price; `unknown` names what has none."""

    step: str
    what: str
    hours: Span
    cost: Span
    unknown: tuple[str, ...] = ()
    ceiling: float | None = None  # what the unknown part costs at most, where that is known


@dataclass(frozen=True)
class Estimate:
    """The table of one run, and what comes every month beside it."""

    currency: str
    lines: tuple[Line, ...]
    monthly: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def total(self) -> Span:
        """Of everything that has a price."""
        return reduce(add, (line.cost for line in self.lines), NOTHING)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What has no price."""
        return tuple(dict.fromkeys(name for line in self.lines for name in line.unknown))

    @property
    def at_most(self) -> float | None:
        """The high end, what is unknown included; None when nothing is known of its price."""
        ceilings = [line.ceiling for line in self.lines if line.unknown]
        known = [ceiling for ceiling in ceilings if ceiling is not None]
        return self.total.high + sum(known) if len(known) == len(ceilings) else None


def estimate(plan: CostPlan, prices: Prices) -> Estimate:
    """The cost of one run, by step."""
    book = _PriceBook(prices, plan.region)
    lines = [
        *(book.task(use) for use in plan.tasks),
        *(book.job(use) for use in plan.jobs),
        *(book.dataflow(use) for use in plan.dataflow),
        book.line("the run itself", "1 pipeline run", NOTHING, [("pipeline/run", exactly(1.0))]),
    ]
    monthly = [book.endpoint(plan.endpoint, plan.endpoint_machines)] if plan.endpoint else []
    return Estimate(prices.currency, tuple(lines), tuple(monthly), (*plan.notes, *book.notes()))


# The name of a price, and how many of its unit.
Quantity = tuple[str, Span]


@dataclass
class _PriceBook:
    """Turns uses into lines, and remembers which prices are of another region."""

    prices: Prices
    region: str
    borrowed: dict[str, None] = field(default_factory=dict)
    old: dict[str, dict[str, None]] = field(default_factory=dict)  # by date

    def task(self, use: ContainerUse) -> Line:
        """A container on an E2 machine; with a GPU on an N1 machine of its size, or on the smallest that has it built
        in."""
        what = f"{use.cpu:g} vCPU, {use.memory_gib:g} GiB"
        if not use.accelerator_type:
            return self.line(use.step, what, use.hours, _sizes("e2", use.cpu, use.memory_gib, use.hours))
        kind, count = use.accelerator_type, use.accelerator_count
        what += f", {count} {kind}"
        machine = smallest_with(kind, count, use.cpu, use.memory_gib)
        if machine is not None:
            whole = MachineUse(use.step, machine.name, kind, machine.count, use.hours)
            return self.line(use.step, f"{what}: {machine.name}", use.hours, self._machine(whole))
        sizes = _sizes("n1", use.cpu, use.memory_gib, use.hours)
        return self.line(use.step, what, use.hours, [*sizes, (f"training/gpu/{kind}", use.hours * count)])

    def job(self, use: MachineUse) -> Line:
        """A custom job: machine, GPUs and boot disk; a capacity whose price is unknown costs no more than standard."""
        what = use.machine_type
        if use.accelerator_type:
            what += f", {use.accelerator_count} {use.accelerator_type}"
        disk: Quantity = ("training/disk", use.hours * use.disk_gb)
        standard = self.line(use.step, what, use.hours, [*self._machine(use), disk])
        if use.capacity == "standard":
            return standard
        name = f"training/{use.capacity}/{use.machine_type}"
        special = self.line(use.step, f"{what}, {use.capacity}", use.hours, [(name, use.hours), disk])
        if not special.unknown or standard.unknown:
            return special
        ceiling = standard.cost.high - special.cost.high
        return Line(use.step, special.what, use.hours, special.cost, special.unknown, ceiling)

    def dataflow(self, use: DataflowUse) -> Line:
        """The workers of a Beam part."""
        machine = catalogue().machines.get(use.machine_type)
        hours = use.hours * use.workers
        least, most = use.workers.low, use.workers.high
        what = f"{least:g} {use.machine_type}" if least == most else f"{least:g} to {most:g} {use.machine_type}"
        what += " (Dataflow)"
        if machine is None:
            return self.line(use.step, what, hours, [(f"dataflow/{use.machine_type}", hours)])
        quantities: list[Quantity] = [
            ("dataflow/vcpu", hours * machine.vcpus),
            ("dataflow/gib", hours * machine.memory_gb),
            ("dataflow/disk", hours * use.disk_gb),
            ("dataflow/shuffle", use.shuffle_gib),
        ]
        return self.line(use.step, what, hours, quantities)

    def endpoint(self, machine_type: str, machines: int) -> Line:
        """The machines of an endpoint for a month."""
        hours = exactly(HOURS_A_MONTH) * machines
        what = f"{machines} {machine_type}, day and night"
        return self.line("an endpoint", what, hours, [(f"prediction/{machine_type}", hours)])

    def line(self, step: str, what: str, hours: Span, quantities: list[Quantity]) -> Line:
        """A row out of what it uses."""
        costs = {name: self._cost(name, quantity) for name, quantity in quantities}
        known = [cost for cost in costs.values() if cost is not None]
        unknown = tuple(name for name, cost in costs.items() if cost is None)
        return Line(step, what, hours, reduce(add, known, NOTHING), unknown)

    def notes(self) -> Iterator[str]:
        """What a reader must know of the prices."""
        if self.borrowed:
            at_most = self.prices.elsewhere_at_most
            yield (
                f"Of {self.region} the price file has no price of {'; '.join(self.borrowed)}: those of another region "
                f"stand for them, and the high end takes {at_most:g} times as much."
            )
        for day, names in sorted(self.old.items()):
            yield f"Prices of {day}, older than the rest: {'; '.join(names)}."

    def _machine(self, use: MachineUse) -> list[Quantity]:
        """A machine by its own price, GPUs included, else by its vCPUs, its memory and its GPUs."""
        machine = catalogue().machines.get(use.machine_type)
        whole = f"training/{use.machine_type}"
        if machine is None or self.prices.find(whole, self.region) is not None:
            return [(whole, use.hours)]
        family = machine.name.partition("-")[0]
        return [*_sizes(family, machine.vcpus, machine.memory_gb, use.hours), *_gpus(use)]

    def _cost(self, name: str, quantity: Span) -> Span | None:
        found = self.prices.find(name, self.region)
        if found is None:
            return None
        cost = quantity * found.price
        if self.prices.is_old(found):
            self.old.setdefault(found.date, {})[found.what] = None
        if found.region in (None, self.region):
            return cost
        self.borrowed[found.what] = None
        return Span(cost.low, cost.likely, cost.high * self.prices.elsewhere_at_most)


def _sizes(family: str, vcpus: float, memory_gib: float, hours: Span) -> list[Quantity]:
    return [(f"training/{family}/vcpu", hours * vcpus), (f"training/{family}/gib", hours * memory_gib)]


def _gpus(use: MachineUse) -> list[Quantity]:
    if not use.accelerator_type:
        return []
    return [(f"training/gpu/{use.accelerator_type}", use.hours * use.accelerator_count)]
