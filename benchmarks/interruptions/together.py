"""Two runs at once in one output folder."""

from __future__ import annotations

import shutil

from benchmarks.interruptions.site import ROOT, Site, State
from benchmarks.interruptions.tried import Tried, ended_in_order, faults_of

_OTHER = "rides"


def two_workloads(site: Site, expected: State) -> Tried:
    """Each must end as an undisturbed run, with a folder, a registry entry and versions of its own."""
    shutil.rmtree(site.output, ignore_errors=True)
    workload = site.home / f"{_OTHER}.yaml"
    text = (ROOT / "configs/taxi.yaml").read_text().replace("name: taxi", f"name: {_OTHER}")
    workload.write_text(text)
    first, second = site.start(), site.start(str(workload))
    endings = [first.to_end(), second.to_end()]
    problems = [fault for each in endings for fault in faults_of(each)]
    problems += [f"taxi: {each}" for each in site.state().differences(expected)]
    problems += [f"{_OTHER}: {each}" for each in site.state(_OTHER).differences(expected)]
    codes = " and ".join(f"exit {each.exit_code}" for each in endings)
    return Tried("two workloads at once", codes, tuple(problems))


def the_same_twice(site: Site, expected: State) -> Tried:
    """The second must end with exit code 3 while the first goes on undisturbed."""
    shutil.rmtree(site.output, ignore_errors=True)
    first = site.start()
    holder = site.output / "taxi/.lock-holder"
    while not (holder.exists() and holder.read_text()):
        first.check_runs()
    tried = ended_in_order(site, expected, "the same workload twice at once", mend=first.to_end)
    return tried if tried.ending.startswith("exit 3") else tried.with_problem("the second was not refused")
