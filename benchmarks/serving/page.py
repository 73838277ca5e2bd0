"""benchmarks/serving.md and the row of history.md, from what was measured."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks.history import HISTORY, append_to, when
from benchmarks.serving.changes import Changed, Loading
from benchmarks.serving.measured import Measured

# What the endpoint shall reach: milliseconds that it may add to the model's own, times of a plain wrapper's rate, and
# times of its p99 while another version is loaded.
P50_TIMES, P50_ADDED, RATE_TIMES, P99_TIMES = 1.5, 1.0, 2.0, 1.5
_HISTORY = """
The endpoint beside the model called in process (a) and a plain FastAPI wrapper (b); `make bench-serving` appends a row.

| date | commit | p50 at 1 connection, ms | of (a) | requests/s at 64 connections | of (b) | ratio | processor, ms |
|---|---|---|---|---|---|---|---|
"""


def page(
    tool: str,
    load: float,
    limit: Measured,
    ours: Mapping[int, Measured],
    plain: Mapping[int, Measured],
    loading: Sequence[Loading],
    changed: Changed,
) -> str:
    """The whole page. `load`: the machine's load average before any of this."""
    fewest, most = min(ours), max(ours)
    allowed = P50_TIMES * limit.p50 + P50_ADDED
    times = ours[most].rate / plain[most].rate
    slower = statistics.median(each.meanwhile / each.before for each in loading)
    lines = [
        "# The endpoint under load",
        "",
        f"The taxi model, one row a request, on {psutil.cpu_count()} cores of {platform.machine()} for servers and "
        f"clients; load by {tool}, in turn; medians. Made by `make bench-serving`; how it answers: "
        f"[the endpoint](../docs/serving.md). At the beginning the load average of the machine was {load:.1f}; "
        "above 0.5 the rows can be compared with each other, and no figure holds by itself.",
        "",
        "| | connections | requests/s | p50, ms | p99, ms | processor, ms a request |",
        "|---|---|---|---|---|---|",
        _row("SavedModel called in process", "–", limit),
    ]
    for connections in ours:
        lines.append(_row("Sluice", str(connections), ours[connections]))
        lines.append(_row("plain FastAPI wrapper", str(connections), plain[connections]))
    failed, others = (sum(each.failed for each in measured.values()) for measured in (ours, plain))
    lines += [
        "",
        "| | shall be | is | |",
        "|---|---|---|---|",
        _goal(f"p50 at {fewest} connection, ms", f"≤ 1.5 × in process + 1 = {allowed:.2f}", ours[fewest].p50, allowed),
        _goal(f"requests/s at {most} connections, times the plain wrapper's", f"≥ {RATE_TIMES:g}", -times, -RATE_TIMES),
        _goal("p99 while another version is loaded, times that before", f"≤ {P99_TIMES:g}", slower, P99_TIMES),
        _goal("requests dropped during changes", "0", changed.failed, 0),
        "",
        f"Without an answer of 200 in the first table: {failed} requests of Sluice's, {others} of the plain wrapper's.",
        "",
        f"While another version was loaded, for {statistics.median(each.seconds for each in loading):.1f} s at "
        f"{loading[0].rate:g} requests/s, p99 of the stable one was "
        + ", ".join(f"{each.meanwhile:.1f} ms (before: {each.before:.1f})" for each in loading)
        + ".",
        "",
        f"Changes under load: {changed.requests:,} requests during "
        + ", ".join(f"{number} {kind}" for kind, number in changed.changes.items())
        + f"; {changed.failed} without an answer.",
    ]
    return "\n".join([*lines, ""])


def append_row(
    limit: Measured, ours: Mapping[int, Measured], plain: Mapping[int, Measured], history: Path = HISTORY
) -> None:
    """Appends a row to history.md, with the figures of the fewest and of the most connections."""
    few, many, other = ours[min(ours)], ours[max(ours)], plain[max(plain)]
    row = (
        f"| {when()} | {few.p50:.2f} | {limit.p50:.2f} | {many.rate:,.0f} | {other.rate:,.0f} | "
        f"{many.rate / other.rate:.2f} | {many.processor:.2f} |\n"
    )
    append_to(_HISTORY, [row], history)


def _row(name: str, connections: str, measured: Measured) -> str:
    return (
        f"| {name} | {connections} | {measured.rate:,.0f} | {measured.p50:.2f} | {measured.p99:.2f} | "
        f"{measured.processor:.2f} |"
    )


def _goal(name: str, wanted: str, found: float, most: float) -> str:
    return f"| {name} | {wanted} | {abs(found):.3g} | {'reached' if found <= most else 'missed'} |"
