"""Which machine types carry which accelerators, in which counts, in which regions, and how they can be had.

The facts are in `data/accelerators.yaml`, each with its source and date. What the file does not know is not refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from core.errors import SluiceError
from core.text import counted, listed, nearest, suggestion

Capacity = Literal["standard", "spot", "flex_start"]

_FILE = Path(__file__).parent / "data" / "accelerators.yaml"
_N1 = "n1-"
_N1_GPU = "NVIDIA_TESLA_T4"  # every N1 machine carries some
_IN_WORDS: Mapping[str, str] = {"standard": "at once", "spot": "as spot", "flex_start": "by flex start"}


@dataclass(frozen=True)
class Limits:
    """How large a machine may be."""

    vcpus: int
    memory_gb: float = float("inf")


@dataclass(frozen=True)
class Machine:
    """A machine type. `accelerator` and `count` are what is built into it; empty and 0 for none."""

    name: str
    vcpus: int
    memory_gb: float
    accelerator: str = ""
    count: int = 0
    capacity: tuple[str, ...] = ("standard", "spot", "flex_start")


@dataclass(frozen=True)
class Accelerator:
    """An accelerator. `n1`: by count, the limits of the N1 machine that carries it; empty when it is built in."""

    name: str
    capacity: tuple[str, ...]
    regions: frozenset[str]
    n1: Mapping[int, Limits]


@dataclass(frozen=True)
class Catalogue:
    """The contents of the file. `unusable`: accelerators of the API, each with why it cannot be used here."""

    machines: Mapping[str, Machine]
    accelerators: Mapping[str, Accelerator]
    clusters_alone: frozenset[str]
    unusable: Mapping[str, str]
    read_on: str

    @property
    def regions(self) -> frozenset[str]:
        """Every region of which any accelerator is known."""
        return frozenset().union(*(each.regions for each in self.accelerators.values()))


@cache
def catalogue() -> Catalogue:
    """The facts of the file."""
    facts = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    series = [_of_series(name, values) for name, values in facts["series"].items()]
    built_in = [_built_in(name, values) for name, values in facts["built_in"].items()]
    return Catalogue(
        machines={machine.name: machine for machine in [*built_in, *(each for row in series for each in row)]},
        accelerators={name: _accelerator(name, values) for name, values in facts["accelerators"].items()},
        clusters_alone=frozenset(facts["clusters_alone"]),
        unusable=facts["unusable"],
        read_on=str(facts["read_on"]),
    )


def check_machine(
    machine_type: str, accelerator_type: str | None, count: int, region: str, capacity: Capacity = "standard"
) -> None:
    """Does nothing for a machine that exists, carries the accelerators and can be had in that way in the region.

    A region that is not in the file is not refused.

    Raises:
      SluiceError: with what does not fit, and the nearest combination that does.
    """
    known = catalogue()
    if bool(accelerator_type) != bool(count):
        raise SluiceError(
            f"{machine_type} has an accelerator type and a count of them only together; "
            f"the type is {accelerator_type or 'absent'} and the count {count}.",
            _flags_of(known.machines.get(machine_type), is_wanted=count > 0),
        )
    machine = _machine_named(machine_type, known)
    accelerator = _accelerator_named(accelerator_type, machine, known) if accelerator_type else None
    if accelerator is None:
        _check_without(machine, capacity)
        return
    _check_fit(machine, accelerator, count, known, capacity)
    _check_region(accelerator, region, known)
    _check_capacity(machine, accelerator, capacity)


def check_accelerator(name: str, region: str) -> None:
    """Does nothing for an accelerator that can be had in the region, on whatever machine.

    A region that is not in the file is not refused.

    Raises:
      SluiceError: when there is no such accelerator, or it is not in the region.
    """
    known = catalogue()
    if name not in known.accelerators:
        likely = _likely(name, known)
        why = f": {known.unusable[name]}." if name in known.unusable else suggestion(likely) or "."
        raise SluiceError(
            f"there is no accelerator {name} to be had{why}", f"Use one of:  {', '.join(known.accelerators)}"
        )
    _check_region(known.accelerators[name], region, known)


def is_in_region(accelerator_type: str, region: str) -> bool | None:
    """Whether Compute Engine has the accelerator in the region; None when the file does not know."""
    known = catalogue()
    accelerator = known.accelerators.get(accelerator_type)
    if accelerator is None or region not in known.regions:
        return None
    return region in accelerator.regions


def smallest_with(accelerator: str, count: int, vcpus: float, memory_gb: float) -> Machine | None:
    """The smallest machine with so much and the accelerator built in, the largest there is when none has so much; None
    for an accelerator that N1 machines carry."""
    having = [each for each in catalogue().machines.values() if each.accelerator == accelerator]
    by_size = sorted(having, key=lambda each: (each.count, each.vcpus, each.memory_gb))
    enough = (each for each in by_size if each.count >= count and each.vcpus >= vcpus and each.memory_gb >= memory_gb)
    return next(enough, by_size[-1] if by_size else None)


def _machine_named(name: str, known: Catalogue) -> Machine:
    if name in known.clusters_alone:
        raise SluiceError(
            f"Vertex AI has {name} in training clusters alone, and it needs an Arm image.",
            "Use another:  --machine-type a4-highgpu-8g --accelerator-type NVIDIA_B200 --accelerator-count 8",
        )
    if name not in known.machines:
        near = _nearest_machine(name, known)
        raise SluiceError(
            f"there is no machine type {name} in the table of {known.read_on}{suggestion(near) or '.'}",
            f"Use:  {_with_flags(known.machines[near or 'g2-standard-12'])}",
        )
    return known.machines[name]


def _nearest_machine(name: str, known: Catalogue) -> str | None:
    """For a size that a series does not have, the nearest that it has; else the name that is most alike."""
    series, _, size = name.rpartition("-")
    same = [each for each in known.machines.values() if each.name == f"{series}-{each.vcpus}"]
    if same and size.isdigit():
        return min(same, key=lambda each: abs(each.vcpus - int(size))).name
    return nearest(name, known.machines)


def _accelerator_named(name: str, machine: Machine, known: Catalogue) -> Accelerator:
    if name in known.unusable:
        raise SluiceError(f"{name} cannot be used: {known.unusable[name]}.", _flags_of(machine))
    if name not in known.accelerators:
        likely = _likely(name, known)
        raise SluiceError(
            f"there is no accelerator {name}{suggestion(likely) or '.'}",
            f"Use:  --accelerator-type {likely}" if likely else f"Use one of:  {', '.join(known.accelerators)}",
        )
    return known.accelerators[name]


def _likely(name: str, known: Catalogue) -> str | None:
    """The accelerator that a name means: in other letters (nvidia-l4), without the maker (T4), or misspelt."""
    spelt = name.upper().replace("-", "_")
    ends = [each for each in known.accelerators if each == spelt or each.endswith(f"_{spelt}")]
    return ends[0] if ends else nearest(spelt, known.accelerators)


def _check_without(machine: Machine, capacity: Capacity) -> None:
    if machine.accelerator:
        built_in = counted(machine.count, machine.accelerator)
        raise SluiceError(f"{machine.name} has {built_in} built in, which must be named.", _flags_of(machine))
    if capacity == "flex_start":
        raise SluiceError(
            f"{machine.name} has no GPU, and by flex start only machines with one can be had.",
            "In the environment's file:  capacity: standard    (or --spot)",
        )


def _check_fit(machine: Machine, accelerator: Accelerator, count: int, known: Catalogue, capacity: Capacity) -> None:
    if machine.accelerator:
        if (machine.accelerator, machine.count) != (accelerator.name, count):
            carried = f"{machine.count} {machine.accelerator}"
            raise SluiceError(
                f"{machine.name} carries {carried}, not {count} {accelerator.name}.",
                f"Keep the machine:  {_with_flags(machine)}"
                f"    Keep the accelerator:  {_nearest_for(accelerator, count, known, capacity)}",
            )
        return
    if not (machine.name.startswith(_N1) and accelerator.n1):
        raise SluiceError(
            f"{machine.name} cannot carry {accelerator.name}; "
            + ("that goes with N1 machines alone." if accelerator.n1 else "that is built into machines of its own."),
            f"Use:  {_nearest_for(accelerator, count, known, capacity)}",
        )
    if count not in accelerator.n1:
        counts = listed([str(each) for each in accelerator.n1])
        raise SluiceError(
            f"{machine.name} carries {counts} of {accelerator.name}, not {count}.",
            f"Use:  {_on_n1(machine, accelerator, count) or _nearest_for(accelerator, count, known, capacity)}",
        )
    limits = accelerator.n1[count]
    if machine.vcpus > limits.vcpus or machine.memory_gb > limits.memory_gb:
        raise SluiceError(
            f"{machine.name} has {machine.vcpus} vCPUs and {machine.memory_gb:g} GB, and with {count} "
            f"{accelerator.name} a machine has at most {limits.vcpus} vCPUs.",
            f"Use:  {_on_n1(machine, accelerator, count) or _nearest_for(accelerator, count, known, capacity)}",
        )


def _check_region(accelerator: Accelerator, region: str, known: Catalogue) -> None:
    if region in known.regions and region not in accelerator.regions:
        there = sorted(each.name for each in known.accelerators.values() if region in each.regions)
        near = nearest(region, sorted(accelerator.regions), cutoff=0.0)
        raise SluiceError(
            f"{region} has no {accelerator.name} by the table of {known.read_on}; it has {listed(there)}.",
            f"Use another region:  --region {near}",
        )


def _check_capacity(machine: Machine, accelerator: Accelerator, capacity: Capacity) -> None:
    ways = [way for way in accelerator.capacity if way in machine.capacity]
    if capacity not in ways:
        raise SluiceError(
            f"{machine.name} with {accelerator.name} cannot be had {_IN_WORDS[capacity]}, "
            f"only {listed([_IN_WORDS[way] for way in ways])}.",
            f"In the environment's file:  capacity: {ways[0]}" + ("    (or --spot)" if ways[0] == "spot" else ""),
        )


def _with_flags(machine: Machine) -> str:
    carried = f" --accelerator-type {machine.accelerator} --accelerator-count {machine.count}"
    return f"--machine-type {machine.name}" + (carried if machine.accelerator else "")


def _flags_of(machine: Machine | None, is_wanted: bool = True) -> str:
    """The next command for a machine whose accelerators were named wrongly; `is_wanted`: whether any was asked for."""
    if machine is None:
        return "Use:  --machine-type g2-standard-12 --accelerator-type NVIDIA_L4 --accelerator-count 1"
    if machine.accelerator:
        return f"Use:  {_with_flags(machine)}"
    if machine.name.startswith(_N1) and is_wanted:
        return f"Use:  {_on_n1(machine, catalogue().accelerators[_N1_GPU], 1)}"
    return f"Without accelerators:  --machine-type {machine.name} --accelerator-type null --accelerator-count 0"


def _nearest_for(accelerator: Accelerator, count: int, known: Catalogue, capacity: Capacity) -> str:
    """The smallest machine for at least so many accelerators that can be had in that way; for more than there are, the
    one with the most."""
    if accelerator.n1:
        fitting = next((each for each in sorted(accelerator.n1) if each >= count), max(accelerator.n1))
        machine = "n1-standard-8"
        return f"--machine-type {machine} --accelerator-type {accelerator.name} --accelerator-count {fitting}"
    having = sorted(
        (each for each in known.machines.values() if each.accelerator == accelerator.name),
        key=lambda each: (each.count, each.vcpus),
    )
    there = [each for each in having if capacity in each.capacity] or having
    return _with_flags(next((each for each in there if each.count >= count), there[-1]))


def _on_n1(machine: Machine, accelerator: Accelerator, count: int) -> str | None:
    """The flags for an N1 machine with the nearest count of accelerators, not below `count` where that can be; None
    when it carries none of them."""
    fitting = [
        each
        for each, limits in sorted(accelerator.n1.items())
        if machine.vcpus <= limits.vcpus and machine.memory_gb <= limits.memory_gb
    ]
    if not fitting:
        return None
    nearest_count = next((each for each in fitting if each >= count), fitting[-1])
    return f"--machine-type {machine.name} --accelerator-type {accelerator.name} --accelerator-count {nearest_count}"


def _of_series(name: str, values: Mapping[str, Any]) -> list[Machine]:
    return [Machine(f"{name}-{vcpus}", vcpus, vcpus * values["memory_gb"]) for vcpus in values["vcpus"]]


def _built_in(name: str, values: Mapping[str, Any]) -> Machine:
    ways = tuple(values.get("capacity", Machine.capacity))
    return Machine(name, values["vcpus"], values["memory_gb"], values["accelerator"], values["count"], ways)


def _accelerator(name: str, values: Mapping[str, Any]) -> Accelerator:
    limits = {count: Limits(**each) for count, each in values.get("n1", {}).items()}
    return Accelerator(name, tuple(values["capacity"]), frozenset(values["regions"]), limits)
