"""Writes record and report of a job on Vertex AI to the bucket."""

from __future__ import annotations

import posixpath
import tempfile
from pathlib import Path

from tfx.dsl.io import fileio

from report.run_record import RunRecord
from runners.results.finished_run import FinishedRun
from runners.results.publish import write_files
from runners.results.record import Gathered
from runners.results.run_folder import RunFiles

LATEST = "latest"


def publish(run: FinishedRun, gathered: Gathered, runs: str, is_latest: bool = True) -> RunRecord:
    """Write the files of a run to `<runs>/<run id>/` and, when they are all there and it is the latest, its id to
    `<runs>/latest`; returns the record. A second call for the same run writes over what the first one wrote."""
    with tempfile.TemporaryDirectory() as scratch:
        record = write_files(RunFiles(Path(scratch)), run, gathered)
        target = posixpath.join(runs, run.run_id)
        fileio.makedirs(target)
        for file in sorted(Path(scratch).iterdir()):
            fileio.copy(str(file), posixpath.join(target, file.name), overwrite=True)
    if is_latest:
        with fileio.open(posixpath.join(runs, LATEST), "w") as pointer:
            pointer.write(run.run_id)
    return record
