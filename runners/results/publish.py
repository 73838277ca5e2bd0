"""Writes the files of a run that has ended: its record, its report, and what a person may take over from it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.config.frozen import frozen_text
from report.evidence import TunerTrial
from report.page import write_report
from report.run_record import RunRecord
from runners.results.finished_run import FinishedRun
from runners.results.record import Gathered, evidence_of, record_of, write_record
from runners.results.run_folder import RunFiles


def write_files(files: RunFiles, run: FinishedRun, gathered: Gathered) -> RunRecord:
    """Write what there is of the run, whose components left `gathered`, to a local folder; returns the record."""
    record = record_of(run.config, run.run_id, run.results, gathered, run.outcome, run.facts)
    write_record(files.record, record)
    write_report(files.report, record, evidence_of(run.config, record, run.results, gathered, run.outcome))
    _keep_proposed_schema(files, run)
    _keep_hyperparameters(files, run, gathered.trials)
    return record


def _keep_proposed_schema(files: RunFiles, run: FinishedRun) -> None:
    """Copy a schema that the run proposed beside the report, for a person to curate."""
    if run.config.schema_file is not None or "SchemaGen" not in run.results:
        return
    from runners.results.read_back import schema_text  # TFX, which a run that could not begin does not need

    if text := schema_text(run.results["SchemaGen"]):
        files.proposed_schema.write_text(text, encoding="utf-8")


def _keep_hyperparameters(files: RunFiles, run: FinishedRun, trials: Sequence[TunerTrial]) -> None:
    """Write the best hyperparameters of a search beside the report, as a file for `tuner.frozen`."""
    for trial in trials:
        if trial.chosen:
            how = f"Trial {trial.name} of {len(trials)}, run {run.run_id}, loss on eval {trial.score:.4f}."
            text = frozen_text(dict(trial.hyperparameters), run.config.name, how)
            files.hyperparameters.write_text(text, encoding="utf-8")
