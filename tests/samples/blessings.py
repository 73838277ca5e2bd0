"""Blessings as a gate gives them, with the report that they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2
from tfx.types import Artifact

from gates.verdict.finding import GateReport, Verdict
from pipeline.artifacts.blessings import GateReportArtifact, bless, write_report
from pipeline.artifacts.judged import contents_of_inputs, note_judged
from tests.samples.taxi_artifacts import artifact


def judge_as(
    blessing: Artifact, verdict: Verdict, judged: Sequence[Artifact], report: Artifact | None = None
) -> Artifact:
    """Blesses, or does not, what is in the artifacts `judged` now; `report` is written where there is none yet."""
    found = GateReport(Path(blessing.uri).name, verdict)
    bless(blessing, found)
    if report is None:
        report = artifact(GateReportArtifact, Path(f"{blessing.uri}_report"))
        write_report(report, found)
    note_judged(blessing, contents_of_inputs({"all": list(judged)}), report)
    blessing.mlmd_artifact.state = metadata_store_pb2.Artifact.LIVE
    return blessing
