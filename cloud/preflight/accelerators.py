"""Whether the machines of every step exist, carry their accelerators, and can be had in the region."""

from __future__ import annotations

from cloud.machines import Capacity, check_machine, is_in_region
from cloud.preflight.check import plan_check
from cloud.preflight.outcome import NotChecked, Outcome, Passed
from cloud.preflight.plan import MachineDemand, Plan
from core.text import counted


@plan_check("machines", "machines and GPUs")
def machines(plan: Plan) -> Outcome:
    """Whether the table of machines has every combination; a region that it does not know is not checked.

    Raises:
      SluiceError: when a combination does not exist.
    """
    if not plan.machines:
        return Passed("no step takes a machine of its own.")
    for demand in plan.machines:
        if demand.machine_type:
            kind, count = demand.accelerator_type, demand.accelerator_count
            check_machine(demand.machine_type, kind, count, demand.region, _capacity(demand))
    for demand in plan.machines:
        if demand.accelerator_type and is_in_region(demand.accelerator_type, demand.region) is None:
            return NotChecked(f"whether {demand.region} has {demand.accelerator_type} is not in the table of machines.")
    return Passed(f"{', '.join(dict.fromkeys(_in_words(demand) for demand in plan.machines))}.")


def _capacity(demand: MachineDemand) -> Capacity:
    if demand.capacity == "spot":
        return "spot"
    return "flex_start" if demand.capacity == "flex_start" else "standard"


def _in_words(demand: MachineDemand) -> str:
    kind, machine = demand.accelerator_type, demand.machine_type or "a machine of Vertex AI's choice"
    return f"{machine} with {counted(demand.accelerator_count, kind, kind)}" if kind else machine
