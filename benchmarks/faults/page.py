"""Writes benchmarks/faults.md from the results: one table of faults by tool, dose curves, controls, false alarms."""

from __future__ import annotations

import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

import psutil

from benchmarks.faults.peer_runs import Answer, cases_of
from benchmarks.faults.plants import Plant, plants
from benchmarks.faults.tasks import Result

FAMILIES = {
    "contamination": "Contamination between splits",
    "leakage": "Target leakage",
    "skew": "Serving skew and drift",
    "label": "Labels",
    "model": "The model",
}


def page(results: Sequence[Result], peers: Sequence[Answer]) -> str:
    """The whole page."""
    memory = psutil.virtual_memory().total / 2**30
    minutes = sum(each.seconds for each in results) / 60
    machine = f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} cores, {memory:.0f} GiB"
    parts = [
        "# Planted faults and clean controls",
        f"Made by `make bench-faults` on {time.strftime('%Y-%m-%d')} ({machine}, Python {platform.python_version()}) "
        f"from {len(results):,} cases, for which the gates took {minutes:.0f} minutes in all. Each fault is a function "
        "in `benchmarks/faults/planted/` that poisons real data; it is **caught** when an expected check refuses it "
        "and no other kind of check does. Clean data must pass without one blocking finding.",
        _summary(results, peers),
        *_fault_tables(results, peers),
        _dose_curves(results),
        _controls(results),
        _false_alarms(results),
        _peers(peers),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _of(results: Iterable[Result], what: str) -> list[Result]:
    return [each for each in results if each.task.what == what and each.outcome != "unavailable"]


def _headline(results: Iterable[Result], plant: Plant) -> list[Result]:
    return [each for each in results if each.task.name == plant.name and each.task.dose == plant.headline]


def _summary(results: Sequence[Result], peers: Sequence[Answer]) -> str:
    planted = _of(results, "plant")
    per_plant = [(plant, _headline(planted, plant)) for plant in plants()]
    tried = [(plant, runs) for plant, runs in per_plant if runs]
    listed = [(plant, runs) for plant, runs in tried if plant.listed]
    controls, fresh = _of(results, "control"), _of(results, "fresh")
    alarms = sum(each.outcome != "passed" for each in fresh)
    low, high = interval(alarms, len(fresh))
    lines = [
        f"- faults of the first list: **{_all_caught(listed)} of {len(listed)}** caught at their headline dose, on "
        "every table and with every seed;",
        f"- with the faults that were added later (⁺): {_all_caught(tried)} of {len(tried)};",
        f"- single cases at headline dose: {_caught(run for _, runs in tried for run in runs)} of "
        f"{sum(len(runs) for _, runs in tried)};",
        f"- clean controls without a blocking finding: **{sum(each.outcome == 'passed' for each in controls)} of "
        f"{len(controls)}**;",
        f"- fresh clean splits that alarm: **{alarms} of {len(fresh)}** over "
        f"{len({each.task.table for each in fresh})} tables, {_share(alarms, len(fresh))} "
        f"(95 % Clopper-Pearson {low:.2%} to {high:.2%}).",
    ]
    for answer in peers:
        if answer.alarms:
            tried_by_peer = [plant for plant in plants() if answer.caught(plant) is not None and plant.listed]
            alarmed = sum(bool(each) for each in answer.clean)
            caught = sum(bool(answer.caught(plant)) for plant in tried_by_peer)
            lines.append(
                f"- {answer.peer}, in its defaults: {caught} of the {len(tried_by_peer)} listed faults in taxi rows; "
                f"alarms on {alarmed} of {len(answer.clean)} clean splits."
            )
    return "\n".join(lines)


def _all_caught(per_plant: Sequence[tuple[Plant, list[Result]]]) -> int:
    return sum(all(run.outcome == "caught" for run in runs) for _, runs in per_plant)


def _caught(runs: Iterable[Result]) -> int:
    return sum(run.outcome == "caught" for run in runs)


def _fault_tables(results: Sequence[Result], peers: Sequence[Answer]) -> list[str]:
    planted = _of(results, "plant")
    shown = []
    for family, title in FAMILIES.items():
        of_family = [plant for plant in plants() if plant.family == family and _headline(planted, plant)]
        others = [] if family == "model" else list(peers)
        head = ["fault", "dose", "tables", "Sluice", "by", *(each.peer for each in others)]
        rows = [_fault_row(plant, _headline(planted, plant), others) for plant in of_family]
        shown.append(f"## {title}\n\n{_table(head, rows)}")
    return shown


def _fault_row(plant: Plant, runs: Sequence[Result], peers: Sequence[Answer]) -> list[str]:
    checks = sorted({str(each["check"]) for run in runs if run.outcome == "caught" for each in run.blocks})
    caught = f"{_caught(runs)}/{len(runs)}"
    wrong = sorted({str(run.outcome) for run in runs} - {"caught"})
    dose = f"{_dose(plant.headline)} {plant.unit}" if len(plant.doses) > 1 else "–"
    return [
        plant.catches + ("" if plant.listed else " ⁺"),
        dose,
        ", ".join(dict.fromkeys(run.task.table for run in runs)),
        caught if not wrong else f"**{caught}** ({', '.join(wrong)})",
        ", ".join(f"`{check}`" for check in checks),
        *({True: "yes", False: "no", None: "–"}[each.caught(plant)] for each in peers),
    ]


def _dose(dose: float) -> str:
    return f"{dose:.4g}"


def _dose_curves(results: Sequence[Result]) -> str:
    planted = _of(results, "plant")
    rows = []
    for plant in plants():
        if len(plant.doses) < 2:
            continue
        runs = [each for each in planted if each.task.name == plant.name and each.task.table == plant.on[0]]
        by_dose = {dose: [each for each in runs if each.task.dose == dose] for dose in plant.doses}
        if not all(by_dose.values()):
            continue
        marks = [f"{_dose(dose)} {_mark(by_dose[dose])}" for dose in plant.doses]
        smallest = [dose for dose in plant.doses if all(run.outcome == "caught" for run in by_dose[dose])]
        rows.append(
            [f"`{plant.name}`", plant.on[0], plant.unit, " · ".join(marks), _dose(smallest[-1]) if smallest else "–"]
        )
    head = ["fault", "table", "dose", "caught (✓), missed (·), for a wrong reason (✗)", "smallest caught"]
    return f"## Doses\n\nThe smallest dose that is caught, on the first table of each fault.\n\n{_table(head, rows)}"


def _mark(runs: Sequence[Result]) -> str:
    outcomes = {run.outcome for run in runs}
    if outcomes == {"caught"}:
        return "✓"
    if outcomes <= {"caught", "missed"}:
        return "·" if outcomes == {"missed"} else f"{_caught(runs)}/{len(runs)}"
    return "✗"


def _controls(results: Sequence[Result]) -> str:
    from benchmarks.faults.controls import controls

    by_name = {each.task.name: each for each in _of(results, "control")}
    by_shape: dict[str, list[Result]] = defaultdict(list)
    for control in controls():
        if control.name in by_name:
            by_shape[control.shape].append(by_name[control.name])
    rows = [
        [shape, ", ".join(sorted({run.task.table for run in runs})), f"{_passed(runs)}/{len(runs)}", _slowest(runs)]
        for shape, runs in by_shape.items()
    ]
    refused = [run for runs in by_shape.values() for run in runs if run.outcome != "passed"]
    text = "## Clean controls\n\n" + _table(["clean data", "tables", "passed", "longest gate"], rows)
    return text + ("\n\nRefused though clean:\n\n" + "\n".join(map(_refusal, refused)) if refused else "")


def _passed(runs: Sequence[Result]) -> int:
    return sum(run.outcome == "passed" for run in runs)


def _slowest(runs: Sequence[Result]) -> str:
    return f"{max(run.seconds for run in runs):.1f} s"


def _refusal(run: Result) -> str:
    blamed = "; ".join(f"`{each['check']}` on {each['subject']}" for each in run.blocks) or run.error
    return f"- {run.task.name}: {blamed}"


def _false_alarms(results: Sequence[Result]) -> str:
    fresh = _of(results, "fresh")
    by_table: dict[str, list[Result]] = defaultdict(list)
    for run in fresh:
        by_table[run.task.table].append(run)
    rows = [_rate_row(table, runs) for table, runs in by_table.items()]
    rows.append(_rate_row("**all**", fresh))
    text = (
        "## False alarms\n\nFresh random splits of clean tables into train, eval, test and serving (70/10/10/10), "
        "seeds that nothing else uses; a split alarms when any finding blocks.\n\n"
        + _table(["table", "splits", "alarms", "rate", "95 % interval", "median seconds"], rows)
    )
    refused = [run for run in fresh if run.outcome != "passed"]
    return text + ("\n\n" + "\n".join(map(_refusal, refused)) if refused else "")


def _rate_row(name: str, runs: Sequence[Result]) -> list[str]:
    alarms = sum(run.outcome != "passed" for run in runs)
    low, high = interval(alarms, len(runs))
    middle = statistics.median(run.seconds for run in runs) if runs else 0.0
    bounds = f"{low:.2%} – {high:.2%}"
    return [name, str(len(runs)), str(alarms), _share(alarms, len(runs)), bounds, f"{middle:.1f}"]


def interval(hits: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's exact interval of a share."""
    from scipy.stats import beta

    if count == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, count - hits + 1))
    high = 1.0 if hits == count else float(beta.ppf(1 - tail, hits + 1, count - hits))
    return low, high


def _share(hits: int, count: int) -> str:
    return f"{hits / count:.2%}" if count else "–"


def _peers(peers: Sequence[Answer]) -> str:
    if not peers:
        return "## The other tools\n\nThey were not asked in this run (`--without-peers`)."
    lines = [
        "## The other tools",
        "Each in its defaults, on the taxi cases of seed 0: Deepchecks' integrity and train-test suites, Evidently's "
        "`DataDriftPreset`, TFDV's inferred schema, and the same with L∞ 0.3 and Jensen-Shannon 0.3 comparators. A "
        "fault counts as caught when the tool reports anything about the poisoned tables that it does not report about "
        "the same split unpoisoned; what it reports about every table does not count. A tool that stops with an "
        "error has caught the fault. ⁺ marks faults that were added to the first list later.",
    ]
    for answer in peers:
        if answer.skipped:
            lines.append(f"- {answer.peer}: skipped; {answer.skipped}.")
        else:
            lines.append(f"- {answer.peer}: {answer.seconds / max(1, len(answer.alarms)):.1f} s a case.")
    return "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:]) + f"\n\n{cases_of(peers)} cases each at most."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)
