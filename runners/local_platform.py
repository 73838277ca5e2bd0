"""What a laptop gives the pipeline: folders, SQLite metadata, the DirectRunner, hashes of the code that runs."""

from __future__ import annotations

from tfx.orchestration.metadata import sqlite_metadata_connection_config

from pipeline.config import WorkloadConfig
from pipeline.dataset import Datasets
from pipeline.platform import Platform, latest_other_blessed_model
from runners.provenance import code_fingerprint
from runners.run_folder import RunFolder

# Named in full: left to itself Beam's DirectRunner looks for its Prism runner and tries to download it.
_IN_THIS_PROCESS = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def local_platform(
    config: WorkloadConfig,
    datasets: Datasets,
    folder: RunFolder,
    reuse: bool,
    beam_runner: str,
    beam_arguments: tuple[str, ...],
) -> Platform:
    """Everything stays in the workload's output folder; only the Beam parts may go to another runner."""
    direct = beam_runner.lower() == "directrunner"
    runner = [f"--runner={_IN_THIS_PROCESS}", "--direct_running_mode=in_memory"] if direct else [f"--runner={beam_runner}"]
    return Platform(
        artifact_root=str(folder.artifacts),
        serving_directory=str(folder.serving),
        datasets=datasets,
        code=code_fingerprint,
        champion=latest_other_blessed_model,
        reuse=reuse,
        metadata=sqlite_metadata_connection_config(str(folder.metadata)),
        beam_arguments=[*runner, *beam_arguments],
    )
