"""Findings without a measurement: a check of tier 1 that could not judge, and a change of the configuration to one.

Such a check must be certain under strict. So each way around it refuses there, unless a waiver with a reason and a last
day covers it; the waiver then stands in the verdict and on the blessing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date

from gates.verdict.catalogue import Check, Gate
from gates.verdict.finding import Finding, Severity
from gates.verdict.rule import waived
from gates.verdict.settings import CheckSettings, GateSettings

_HOW_TO_WAIVE = "waive it: `gates.checks.{}.waive` with a `reason` and the day on which it `expires`."


def changed(catalogue: Sequence[Check], settings: GateSettings, today: date) -> list[Finding]:
    """Under strict one finding for each change that weakens a check of tier 1; its subject is the key that was set."""
    if not settings.strict:
        return []
    found = []
    for check in catalogue:
        configured = settings.checks.get(check.name)
        if check.tier == 1 and configured is not None:
            found += [waived(each, configured.waive, today) for each in _changes(check, configured)]
    return found


def _changes(check: Check, configured: CheckSettings) -> Iterator[Finding]:
    if not configured.enabled:
        yield _change(check, "enabled", "`enabled: false` switches it off")
    if configured.severity == "warn":
        yield _change(check, "severity", "`severity: warn` lets its findings pass")
    if configured.threshold is not None and configured.threshold > check.margin and not check.more_is_stricter:
        text = f"`threshold: {configured.threshold:g}` allows more than its margin of {check.margin:g}"
        yield _change(check, "threshold", text, configured.threshold)


def _change(check: Check, key: str, text: str, value: float = math.nan) -> Finding:
    return Finding(
        check=check.name,
        subject=key,
        statistic="change of the configuration",
        value=value,
        threshold=check.margin,
        n=0,
        severity=Severity.BLOCK,
        reason=f"Under strict `{check.name}` must be certain, and {text} (`gates.checks.{check.name}.{key}`).",
        remedy=f"Take `{key}` out, or {_HOW_TO_WAIVE.format(check.name)}",
    )


def could_not_judge(check: Check, why: str, settings: GateSettings, today: date) -> Finding:
    """The finding for a check of tier 1 that measured nothing. It refuses under strict and else warns."""
    model = check.gate is Gate.MODEL
    remedy = (
        "Run the ModelGate on a model and splits that have what it needs"
        if model
        else "Give it what it needs, or take the declaration out that cannot be used"
    )
    found = Finding(
        check=check.name,
        subject="model" if model else "data",
        statistic=check.statistic,
        value=math.nan,
        threshold=check.margin,
        n=0,
        severity=Severity.BLOCK if settings.strict else Severity.WARN,
        reason=f"It could not be judged: {why}.",
        remedy=f"{remedy}; else {_HOW_TO_WAIVE.format(check.name)}" if settings.strict else f"{remedy}.",
        undecided=True,
    )
    configured = settings.checks.get(check.name)
    return found if configured is None or not settings.strict else waived(found, configured.waive, today)
