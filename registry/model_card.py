"""Writes the model card: what a reviewer needs to know of a version before it serves."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from gates.evaluation.metrics import MetricEstimate
from gates.evaluation.slices import OVERALL
from gates.verdict.finding import Finding, Severity
from registry.contract import Numbered
from registry.recipe import Settings
from registry.text import in_words

if TYPE_CHECKING:
    from registry.version_record import VersionRecord

SLICES_SHOWN = 25
WARNINGS_SHOWN = 20


def card_of(record: VersionRecord, numbered: Numbered) -> str:
    """The card as Markdown."""
    findings = [(report.gate, finding) for report in record.gates for finding in report.findings]
    slices = sorted((each for each in record.evaluation.estimates if each.slice != OVERALL), key=_largest_first)
    warnings = [(gate, finding) for gate, finding in findings if _is_warning(finding)]
    return (
        _environment()
        .get_template("model_card.md.j2")
        .render(
            numbered=numbered,
            record=record,
            facts=record.card,
            training=record.training.as_json() if record.training else {},
            environment=record.environment.facts(),
            overall=list(record.evaluation.overall().values()),
            slices=slices[:SLICES_SHOWN],
            slices_left=len(slices[SLICES_SHOWN:]),
            waived=[(gate, finding) for gate, finding in findings if finding.waiver],
            warnings=warnings[:WARNINGS_SHOWN],
            warnings_left=len(warnings[WARNINGS_SHOWN:]),
            requests=_named(record, "request "),
            features=_named(record, "feature "),
        )
    )


def _is_warning(finding: Finding) -> bool:
    return finding.severity is Severity.WARN and not finding.waiver


def _largest_first(estimate: MetricEstimate) -> tuple[int, str, str]:
    return -estimate.n, estimate.slice.name, estimate.metric


def _named(record: VersionRecord, prefix: str) -> Settings:
    """The fields of the architecture that describe requests or features, without their prefix."""
    fields = record.recipe.architecture.items()
    return {name.removeprefix(prefix): value for name, value in fields if name.startswith(prefix)}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("registry"),
        autoescape=False,  # Markdown; what comes from data goes through `cell`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(cell=_cell, code=_code, figure=_figure, count=_count)
    return environment


def _cell(value: object) -> str:
    """Foreign text escaped for a line or a table: it can neither end the cell nor begin markup."""
    text = " ".join(in_words(value).split())
    for mark, escaped in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("`", "\\`"), ("[", "\\[")):
        text = text.replace(mark, escaped)
    return text


def _code(value: object) -> str:
    """Text of the configuration between backticks, also inside a table."""
    return " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")


def _figure(value: float | None) -> str:
    if value is None or value != value:
        return "–"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def _count(value: int) -> str:
    return f"{value:,}"
