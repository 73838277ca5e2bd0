"""A platform on which nothing runs: for what the pipeline hands to its components."""

from __future__ import annotations

from pipeline.champion import model_to_beat
from pipeline.datasets import Dataset, Datasets
from pipeline.ingest.source import Source
from pipeline.platform import Platform


def pretended_platform() -> Platform:
    """`code` tells the modules that it was asked about."""
    return Platform(
        artifact_root="root",
        serving_directory="serving",
        datasets=Datasets(Dataset(Source(("rides.csv",), "csv", None, None, "rides.csv"), "abc")),
        code=lambda *modules: "code of " + ", ".join(modules),
        champion=model_to_beat,
        provenance={"git_commit": "c0ffee", "lock_hash": "10c4"},
    )
