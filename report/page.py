"""The report of a run: sections stacked on one self-contained page that runs no script and loads nothing."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from core.atomic_write import write_text
from report.evidence import Evidence
from report.markup import fragment
from report.run_record import RunRecord
from report.sections import (
    classes,
    configuration,
    data,
    lineage,
    metrics,
    mistakes,
    rollout,
    timing,
    training,
    tuning,
    verdict,
)
from report.sections.section import Section


def render(record: RunRecord, evidence: Evidence) -> str:
    """The whole page as text."""
    return str(fragment("page", record=record, sections=_sections(record, evidence)))


def write_report(path: str | os.PathLike[str], record: RunRecord, evidence: Evidence) -> Path:
    """Writes the page whole or not at all."""
    target = Path(path)
    write_text(target, render(record, evidence))
    return target


def _sections(record: RunRecord, evidence: Evidence) -> list[Section]:
    evidence = dataclasses.replace(evidence, gates=verdict.gate_reports(record, evidence))
    return [
        verdict.render(record, evidence),
        *([rollout.render(record.rollout)] if record.rollout else []),
        metrics.render(evidence),
        *classes.render(evidence),
        *([mistakes.render(evidence.mistakes)] if evidence.mistakes else []),
        *([tuning.render(evidence.trials)] if evidence.trials else []),
        training.render(evidence.history, evidence.training),
        data.render(evidence, evidence.gates),
        lineage.render(record, evidence.lineage),
        timing.render(record),
        configuration.render(evidence.config_yaml),
    ]
