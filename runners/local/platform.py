"""The platform of one machine: folders, SQLite metadata, the DirectRunner, hashes of the code that runs."""

from __future__ import annotations

from apache_beam.runners.runner import create_runner
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from core.errors import SluiceError
from pipeline.champion import model_to_beat
from pipeline.datasets import Datasets
from pipeline.platform import Platform, RolloutPlaces
from runners.provenance import code_fingerprint, git_commit, lock_hash
from runners.results.run_folder import RunFolder

_HERE = [
    # The full name: Beam's `DirectRunner` looks for the Prism runner and tries to download it.
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    # Without it TFX builds a source package of itself for workers, at each component.
    "--sdk_container_image=none",
]


def _check_runner(name: str) -> None:
    try:
        create_runner(name)
    except (ValueError, ImportError, AttributeError) as problem:
        raise SluiceError(
            f"--beam-runner: Beam has no runner `{name}`.",
            "Use one of:  DirectRunner, DataflowRunner, FlinkRunner, SparkRunner, PortableRunner",
        ) from problem


def local_platform(
    datasets: Datasets,
    folder: RunFolder,
    reuse: bool,
    beam_runner: str,
    beam_arguments: tuple[str, ...],
) -> Platform:
    """The platform that keeps everything in the workload's output folder; only the Beam parts may use another runner.

    Raises:
      SluiceError: when Beam has no such runner.
    """
    direct = beam_runner.lower() == "directrunner"
    if not direct:
        _check_runner(beam_runner)
    runner = _HERE if direct else [f"--runner={beam_runner}"]
    return Platform(
        artifact_root=str(folder.artifacts),
        serving_directory=str(folder.serving),
        datasets=datasets,
        code=code_fingerprint,
        champion=model_to_beat,
        reuse=reuse,
        metadata=sqlite_metadata_connection_config(str(folder.metadata)),
        beam_arguments=[*runner, *beam_arguments],
        registry_directory=str(folder.registry),
        rollout=RolloutPlaces(endpoint=str(folder.serving), records=str(folder.output)),
        provenance={"git_commit": git_commit(), "lock_hash": lock_hash()},
    )
