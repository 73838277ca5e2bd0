"""benchmarks/natures_leaks.md, made from the verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.natures_leaks.judged import Judged
from benchmarks.natures_leaks.sources import PACKAGES

_INTRO = """# Leaks that nature planted

Real tables from packages of PyPI. In the first list a column gives the label away: the label was made from it, or it
is recorded because of the label, or after it. The same tables without these columns, and others, are honest: nothing
may refuse them. One random split each, four fifths to train, gates in their defaults, nothing declared but the label.

Which columns leak was written down before the tables were judged, and corrected seven times afterwards. Four tables
stood among the honest ones: `nhefs quit` (how much less a person smokes since 1971 is known after quitting), `fars`
(race is taken from the death certificate, and is `not a fatality` for those who lived), `flare` (one letter of the
code of which the label is another) and `smoker` (what was charged to those who smoke). Columns were missing from
three: `dep_delay` from `flights late`, from `benefits` the four whose sum is the label to the cent, and from `risk
class` age and diabetes, of which the score was computed (they give the class in 2,958 of 3,000 rows). The gate had
named all but the first and `dep_delay`.

Rules were made by the half `develop` (drawn by name). Of the half `check`, `benefits` and `white` were looked at when
sums, products and flags of one answer were added, `employment` and `homicides` when fifty rows became enough for a
formula, and `league` when values that one class alone lacks were. The tests of these rules are generated tables.

Some honest tables have another fault, which the gate names rightly: that is no refusal without cause. `segment`, the
wines, `kddcup` and others hold many rows twice, `approval` repeats the day before where there was no new poll, and
`banana` was scaled as a whole. Refused without cause are `german credit`, by chance (its test has 4.9 standard errors
in this split, and none above 4.3 in 199 others), and tables in which one honest column separates a class, or alone
knows the label: the hue of grass, the latitude of Alaska, two kinds of attack on a network and of readings of a space
shuttle, the days on which a restaurant serves lunch, and `nursery`, whose rule gives a class to one value. Only
people know that such a column is honest; a waiver says so.

Made by `make bench-leaks`.
"""


def page(results: Sequence[Judged]) -> str:
    """The page as Markdown."""
    leaking = [each for each in results if each.table.leaks]
    honest = [each for each in results if not each.table.leaks]
    return "\n".join((_INTRO, *_summary(leaking, honest), "", *_leaks(leaking), "", *_honest(honest), "", _sources()))


def _summary(leaking: Sequence[Judged], honest: Sequence[Judged]) -> list[str]:
    lines = [
        "| tables | leaks | caught | missed | honest | refused without cause | for target leakage |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for half in ("develop", "check", "both"):
        with_leak = [each for each in leaking if half in (each.table.half, "both")]
        without = [each for each in honest if half in (each.table.half, "both")]
        caught = sum(bool(each.named) for each in with_leak)
        refused, for_leakage = (
            sum(bool(each.without_cause) for each in without),
            sum(bool(each.leaks_refused) for each in without),
        )
        lines.append(
            f"| {half} | {len(with_leak)} | {caught} | {len(with_leak) - caught} | {len(without)} | {refused} "
            f"| {for_leakage} |"
        )
    return lines


def _leaks(leaking: Sequence[Judged]) -> list[str]:
    lines = [
        "## Known leaks",
        "",
        "| table | half | rows | label | leak | why | verdict |",
        "| --- | --- | ---: | --- | --- | --- | --- |",
    ]
    for each in leaking:
        table = each.table
        verdict = f"caught: {', '.join(each.named)}" if each.named else _missed(each)
        columns = ", ".join(table.leaks)
        lines.append(
            f"| {table.name} | {table.half} | {each.rows:,} | {table.label} | {columns} | {table.why} | {verdict} |"
        )
    return lines


def _missed(each: Judged) -> str:
    warned = sorted({subject for _, subject, _ in each.warns if subject in each.table.leaks})
    return f"**missed**, warned of {', '.join(warned)}" if warned else "**missed**"


def _honest(honest: Sequence[Judged]) -> list[str]:
    lines = ["## Honest tables", "", "| table | half | rows | label | refused by |", "| --- | --- | ---: | --- | --- |"]
    for each in honest:
        table = each.table
        why = "; ".join(sorted({f"{check} on {subject}" for check, subject, _ in each.blocks})) or "-"
        lines.append(f"| {table.name} | {table.half} | {each.rows:,} | {table.label} | {why} |")
    return lines


def _sources() -> str:
    return f"Packages: {', '.join(PACKAGES)}.\n"
