"""One cause, one finding: what a faulty column makes the checks of several columns find stands in its own finding.

The checks are measured again without that column. What they no longer find followed from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date

from core.text import listed, plural, shortened
from gates.data.evidence import Data
from gates.data.units import Unit
from gates.verdict.catalogue import Gate, NotApplicable, checks
from gates.verdict.finding import Finding, Severity
from gates.verdict.judge import margin_of
from gates.verdict.rule import decide
from gates.verdict.settings import GateSettings

# They judge each column by itself, so that what they find is not the fault of another one.
_OF_ONE_COLUMN = frozenset(
    {
        "schema_types",
        "schema_domain",
        "nulls",
        "new_categories",
        "single_values",
        "value_range",
        "numeric_distribution",
        "categorical_distribution",
        "granularity",
    }
)
# They judge columns by others; in this order they are named.
_OF_SEVERAL = ("joint_distribution", "association", "slice_distribution")
_GRAVE = (Severity.BLOCK, Severity.WARN)
_SHOWN = 4


def one_for_each_cause(
    findings: Sequence[Finding], data: Data, settings: GateSettings, today: date
) -> tuple[Finding, ...]:
    """The findings without those that follow from one that is at least as grave; that one names them."""
    left = list(findings)
    for table in data.others:
        here = [each for each in left if each.table == table and each.severity in _GRAVE and not each.undecided]
        causes = [each for each in here if each.check in _OF_ONE_COLUMN and each.column]
        followers = [each for each in here if each.check in _OF_SEVERAL]
        if not causes or not followers:
            continue
        columns = frozenset(str(each.column) for each in causes)
        remaining = _found_without(columns, data, table, {each.check for each in followers}, settings, today)
        gravest = causes[0]
        explained = [
            each
            for each in followers
            if _GRAVE.index(gravest.severity) <= _GRAVE.index(each.severity)
            and (each.column in columns or not _is_found(each, remaining))
        ]
        if explained:
            left = [each for each in left if each not in explained]
            left[left.index(gravest)] = _with_followers(gravest, columns, explained, table)
    return tuple(left)


def _found_without(
    columns: frozenset[str], data: Data, table: str, names: set[str], settings: GateSettings, today: date
) -> list[Finding]:
    """What these checks find in one table when the columns are no features."""
    declared = data.declared.model_copy(update={"withheld": data.declared.withheld | columns})
    seen = {table: data.others[table]}
    # Whether contents were drawn is known from the held-out tables.
    held_out = data.held_out if data.unit(data.others[table]) is Unit.CONTENT else seen.keys() & data.held_out.keys()
    without = replace(
        data,
        declared=declared,
        held_out={name: data.held_out[name] for name in data.held_out if name in held_out},
        serving=seen.get("serving"),
        previous=seen.get("previous"),
    )
    measured, tiers = [], {}
    for check in (each for each in checks(Gate.DATA) if each.name in names):
        tiers[check.name] = check.tier
        try:
            measured += check.measure(without, margin_of(check, settings))
        except NotApplicable:
            continue
    return [each for each in decide(measured, tiers, settings, today)[0] if each.table == table]


def _is_found(finding: Finding, remaining: Iterable[Finding]) -> bool:
    """Whether the same check still finds something as grave of the same column."""
    alike = [each for each in remaining if (each.check, each.column) == (finding.check, finding.column)]
    return any(
        _GRAVE.index(each.severity) <= _GRAVE.index(finding.severity) for each in alike if each.severity in _GRAVE
    )


def _with_followers(cause: Finding, columns: Collection[str], explained: Sequence[Finding], table: str) -> Finding:
    """The cause's finding, which names what followed from it."""
    named = listed([f"`{name}`" for name in sorted(columns)])
    others = sorted({str(each.column) for each in explained if each.column} - set(columns))
    of = f" of {shortened([f'`{name}`' for name in others], _SHOWN)}" if others else ""
    found = listed([name for name in _OF_SEVERAL if any(each.check == name for each in explained)])
    follow = plural(len(explained), "one finding follows", f"{len(explained)} findings follow")
    reason = f"{cause.reason} {follow[:1].upper()}{follow[1:]} from {named} ({found}{of}): without "
    reason += f"{plural(len(columns), 'it', 'them')} {table} is like train in these."
    return replace(cause, reason=reason)
