"""The taxi pipeline with every artifact, the registry and the pushed versions in a bucket: run in a process of its own,
because TensorFlow holds Python's lock while it waits for a bucket, and the local cloud is Python, too."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cloud.testing.cloud import LocalCloud
from tests.samples.folders import ROOT
from tests.samples.warm_commands import ran_warm


@dataclass
class Observed:
    """The state of each component, by its id, in the order in which they ended."""

    states: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def started(self, node_id: str) -> None:
        """Called when a component begins."""

    def finished(self, result: object) -> None:
        """Called when a component has ended."""
        self.states[result.node_id] = result.state  # type: ignore[attr-defined]
        self.errors += [str(result.error)] if result.error else []  # type: ignore[attr-defined]


def run_in_bucket(cloud: LocalCloud, root: str, home: Path, data: str, *overrides: str) -> list[dict[str, str]]:
    """The states of the components of a run below `root`, an address, and of the same run once more; `home` is for the
    metadata."""
    command = [sys.executable, "-m", "tests.samples.bucket_runs", root, str(home), data, *overrides]
    done = ran_warm(command, ROOT, cloud.child_environment())
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    states: list[dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return states


def _main(root: str, home: str, data: str, *overrides: str) -> None:
    from tfx.orchestration.metadata import sqlite_metadata_connection_config

    from pipeline.champion import model_to_beat
    from pipeline.config.load import load_workload
    from pipeline.datasets import datasets_here
    from pipeline.pipeline import create_pipeline
    from pipeline.platform import Platform
    from runners.local.dag import run_pipeline
    from runners.provenance import code_fingerprint

    config = load_workload("taxi", overrides, data)
    platform = Platform(
        artifact_root=f"{root}/artifacts",
        serving_directory=f"{root}/serving",
        registry_directory=f"{root}/registry",
        datasets=datasets_here(config.data, config.split, config.prediction),
        code=code_fingerprint,
        champion=model_to_beat,
        metadata=sqlite_metadata_connection_config(f"{home}/metadata.sqlite"),
        beam_arguments=[
            "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
            "--direct_running_mode=in_memory",
            "--sdk_container_image=none",
        ],
    )
    runs = [Observed(), Observed()]
    for number, observed in enumerate(runs):
        run_pipeline(create_pipeline(config, platform), f"run-{number}", observed)
        print(*observed.errors, sep="\n")
    print(json.dumps([observed.states for observed in runs]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
