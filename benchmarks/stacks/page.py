"""benchmarks/stacks.md, made from runs of both stacks."""

from __future__ import annotations

import platform
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

from benchmarks.stacks.differences import TOLERANCE, distances
from benchmarks.stacks.measured import PACKAGES, Measured
from core.text import counted

_INTRO = """# Both stacks side by side

The taxi workload from its CSV to a pushed model on both stacks in turn, each with an empty output folder and its
environment ready: the classic stack in the environment of the checkout, the modern one in a Debian 13 folder on the
same machine, with a copy of the same code. The verdict of every check and the rows of every split must be those of the
first classic run, and a metric, over all rows or in a slice, may differ by {share} of half the width of its own 95 %
interval.

Made by `make bench-stacks`, which ends with exit code 2 when a run does not agree.
"""


def page(classic: Sequence[Measured], modern: Sequence[Measured], problems: Sequence[str]) -> str:
    """The page as Markdown. `problems`: what was not the same."""
    lines = [
        _INTRO.format(share="a quarter" if TOLERANCE == 0.25 else f"{TOLERANCE:.0%}"),
        *_conditions(classic, modern),
        "",
        *_agreement(problems),
        "",
        "## Cost",
        "",
        *_costs(classic, modern),
        "",
        *_components(classic, modern),
        "",
        "## Verdicts",
        "",
        *_verdicts(classic[0], modern[0]),
        "",
        "## Splits",
        "",
        *_splits(classic[0], modern[0]),
        "",
        "## Metrics on test",
        "",
        *_metrics(classic[0], modern),
        "",
        "## Versions",
        "",
        *_versions(classic[0], modern[0]),
    ]
    return "\n".join(lines) + "\n"


def _conditions(classic: Sequence[Measured], modern: Sequence[Measured]) -> list[str]:
    cores, memory = psutil.cpu_count() or 1, psutil.virtual_memory().total / 2**30
    loads = [run.load_before for run in (*classic, *modern)]
    shared = " Other work had the machine as well: compare processor time, not wall time." if max(loads) > cores else ""
    return [
        f"Measured on {time.strftime('%Y-%m-%d')} on {platform.system()} {platform.machine()}, {cores} cores, "
        f"{memory:.0f} GiB, {counted(len(classic), 'pair')} in turn.",
        f"Load average in the minute before a run: {min(loads):.1f} to {max(loads):.1f}.{shared}",
    ]


def _agreement(problems: Sequence[str]) -> list[str]:
    if not problems:
        return ["Verdicts, splits and metrics are the same within the tolerance in every run."]
    return ["**Not the same:**", "", *(f"- {problem}" for problem in problems)]


def _costs(classic: Sequence[Measured], modern: Sequence[Measured]) -> list[str]:
    return [
        "| | classic (median, min–max) | modern (median, min–max) | modern / classic |",
        "|---|---|---|---|",
        _cost("wall time, s", classic, modern, lambda run: run.seconds),
        _cost("processor time, s", classic, modern, lambda run: run.cpu_seconds),
        _cost("peak memory, GiB", classic, modern, lambda run: run.peak_bytes / 2**30),
        _cost("lines printed", classic, modern, lambda run: run.output_lines),
    ]


def _cost(
    name: str, classic: Sequence[Measured], modern: Sequence[Measured], amount: Callable[[Measured], float]
) -> str:
    amounts = [[amount(run) for run in runs] for runs in (classic, modern)]
    cells = [f"{statistics.median(each):.2f} ({min(each):.2f}–{max(each):.2f})" for each in amounts]
    return f"| {name} | {cells[0]} | {cells[1]} | {statistics.median(amounts[1]) / statistics.median(amounts[0]):.2f} |"


def _components(classic: Sequence[Measured], modern: Sequence[Measured]) -> list[str]:
    seconds = [
        [{each["name"]: each["seconds"] for each in run.record["components"]} for run in runs]
        for runs in (classic, modern)
    ]
    rows = [
        f"| {name} | " + " | ".join(f"{statistics.median(run[name] for run in runs):.1f}" for runs in seconds) + " |"
        for name in seconds[0][0]
    ]
    return ["| component, wall time in s | classic | modern |", "|---|---|---|", *rows]


def _verdicts(classic: Measured, modern: Measured) -> list[str]:
    rows = []
    for one, other in zip(classic.record["gates"], modern.record["gates"], strict=False):
        rows.append(f"| {one['gate']} | {_verdict(one)} | {_verdict(other)} |")
    outcomes = f"| the run | {classic.record['outcome']} | {modern.record['outcome']} |"
    return ["| gate | classic | modern |", "|---|---|---|", *rows, outcomes]


def _verdict(gate: Mapping[str, Any]) -> str:
    severities = Counter(finding["severity"] for finding in gate["findings"])
    counts = [f"{count} {name}" for name, count in sorted(severities.items())] or ["no finding"]
    return f"{gate['verdict']} ({', '.join(counts)})"


def _splits(classic: Measured, modern: Measured) -> list[str]:
    rows = [
        f"| {name} | {classic.record['rows'][name]:,} | `{classic.splits[name]}` | "
        f"{modern.record['rows'].get(name, 0):,} | `{modern.splits.get(name, 'none')}` |"
        for name in classic.splits
    ]
    head = "| split | rows, classic | hash of the rows, classic | rows, modern | hash of the rows, modern |"
    return [head, "|---|---|---|---|---|", *rows]


def _metrics(classic: Measured, modern: Sequence[Measured]) -> list[str]:
    found = distances(classic, modern[0])
    overall = classic.record["metrics"]["overall"]
    rows = [
        f"| {each.metric} | {each.one:.6f} "
        f"({overall[f'{each.metric}_lower']:.3f}–{overall[f'{each.metric}_upper']:.3f}) | "
        f"{each.other:.6f} | {abs(each.one - each.other):.1e} | {each.allowed:.1e} |"
        for each in found
        if each.where == "overall"
    ]
    farthest = max((distances(classic, run)[0] for run in modern), key=lambda each: each.share)
    return [
        "| metric | classic (95 % interval) | modern | difference | allowed |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"Of {len(found)} figures, {len(found) - len(rows)} of them of slices, none is farther apart in any run than "
        f"{farthest.metric} of {farthest.where}: {farthest.share:.1e} of what is allowed.",
    ]


def _versions(classic: Measured, modern: Measured) -> list[str]:
    rows = [f"| {name} | {classic.versions[name]} | {modern.versions[name]} |" for name in PACKAGES]
    return ["| | classic | modern |", "|---|---|---|", f"| Python | {classic.python} | {modern.python} |", *rows]
