"""The data: every feature in every split side by side, with the findings of the gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gates.verdict.finding import Finding, GateReport, Severity
from report.distributions import FeatureSummary, SplitSummary, summarise
from report.evidence import Evidence
from report.markup import fragment
from report.sections.section import Section, not_reached
from report.wording import NO_BREAK, figure, plural, share

TITLE = "Data"
DRAWN = 40
HEIGHT = 36.0


@dataclass(frozen=True)
class Panel:
    """One feature in one split: a histogram as an SVG path, or bars with their shares."""

    split: str
    path: str
    tail_path: str  # the overflow bins, drawn lighter
    bars: tuple[tuple[float, str], ...]  # per cent of the widest bar, and the share in words
    caption: str
    description: str  # the drawing in words


@dataclass(frozen=True)
class FeatureView:
    """One feature, ready to be drawn."""

    summary: FeatureSummary
    is_label: bool
    findings: tuple[Finding, ...]
    panels: tuple[Panel, ...]
    axis: tuple[str, str]


def render(evidence: Evidence, reports: Sequence[GateReport]) -> Section:
    """Features with findings first, then the label, then the rest in the order of the statistics, up to a limit."""
    if not evidence.statistics:
        return not_reached("data", TITLE, "the data was not examined in this run")
    features = summarise(evidence.statistics)
    found = _by_subject(reports, {feature.name for feature in features})
    features.sort(key=lambda feature: (feature.name not in found, feature.name != evidence.label))
    rows = {split: int(dataset.num_examples) for split, dataset in evidence.statistics.items()}
    body = fragment(
        "data",
        rows=rows,
        features=[_view(f, found.get(f.name, ()), f.name == evidence.label, tuple(rows)) for f in features[:DRAWN]],
        listed=features[DRAWN:],
        total=len(features),
        concerned=sum(feature.name in found for feature in features),
        unusable=evidence.unusable_rows,
    )
    return Section("data", TITLE, body)


def _by_subject(reports: Sequence[GateReport], names: set[str]) -> dict[str, tuple[Finding, ...]]:
    """The findings that warn or block, by their feature."""
    found: dict[str, tuple[Finding, ...]] = {}
    for report in reports:
        for finding in report.findings:
            column = finding.column or finding.subject
            if column in names and finding.severity is not Severity.INFO:
                found[column] = (*found.get(column, ()), finding)
    return found


def _view(feature: FeatureSummary, findings: Sequence[Finding], is_label: bool, splits: Sequence[str]) -> FeatureView:
    tallest = max((bar for summary in feature.splits.values() for bar in summary.bars), default=0.0) or 1.0
    panels = tuple(_panel(feature, split, tallest) for split in splits)
    return FeatureView(feature, is_label, tuple(findings), panels, _axis(feature))


def _panel(feature: FeatureSummary, split: str, tallest: float) -> Panel:
    summary = feature.splits.get(split)
    if summary is None:
        return Panel(split, "", "", (), "absent", f"{feature.name} is absent from {split}")
    caption = _caption(summary)
    description = f"{feature.name} in {split}: {caption}"
    if feature.values:
        bars = tuple((round(100 * bar / tallest, 1), share(bar)) for bar in summary.bars)
        return Panel(split, "", "", bars, caption, description)
    body, tails = _paths(feature, summary.bars, tallest)
    return Panel(split, body, tails, (), caption, description)


def _caption(summary: SplitSummary) -> str:
    pieces = [f"{share(summary.missing)} missing"]
    if summary.distinct is not None:
        pieces.append(f"{plural(summary.distinct, 'value')}")
    if summary.median is not None:
        pieces.append(f"median {figure(summary.median)}")
    return " · ".join(pieces)


def _paths(feature: FeatureSummary, bars: Sequence[float], tallest: float) -> tuple[str, str]:
    """Two SVG paths in a box of 100 by HEIGHT: the body's bins and the overflow bins."""
    width = 100 / max(1, len(bars))
    body: list[str] = []
    tails: list[str] = []
    for index, bar in enumerate(bars):
        height = HEIGHT * bar / tallest
        if height <= 0:
            continue
        # A share above zero is always visible.
        height = max(0.6, height)
        piece = f"M{index * width + 0.5:.1f} {HEIGHT:g}v-{height:.1f}h{width - 1:.1f}v{height:.1f}z"
        overflow = (index == 0 and feature.tail_below) or (index == len(bars) - 1 and feature.tail_above)
        (tails if overflow else body).append(piece)
    return "".join(body), "".join(tails)


def _axis(feature: FeatureSummary) -> tuple[str, str]:
    """The labels of the left and the right end of a histogram."""
    if len(feature.edges) < 2:
        return "", ""
    half = 0.5 if feature.kind == "integer" else 0.0
    low = feature.edges[1 if feature.tail_below else 0] + (-half if feature.tail_below else half)
    high = feature.edges[-2 if feature.tail_above else -1] + (half if feature.tail_above else -half)
    below, above = f"≤{NO_BREAK}" if feature.tail_below else "", f"≥{NO_BREAK}" if feature.tail_above else ""
    return f"{below}{figure(low)}", f"{above}{figure(high)}"
