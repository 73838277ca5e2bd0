"""Runs taxi once with its own interpreter and an empty output folder, and prints a `Measured` as the last line.

python -m benchmarks.stacks.one_run
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from benchmarks.stacks.measured import PACKAGES, Measured
from benchmarks.timed_process import measure, python
from sources.messages import Field, Fields, message_classes
from sources.tfrecord import read_records

ROOT = Path(__file__).resolve().parents[2]
# tensorflow/core/example/{example,feature}.proto without TensorFlow, whose own classes import it.
_MESSAGES: Mapping[str, Fields] = {
    "Bytes": [("value", 1, [Field.TYPE_BYTES])],
    "Floats": [("value", 1, [Field.TYPE_FLOAT])],
    "Ints": [("value", 1, [Field.TYPE_INT64])],
    "Feature": [("bytes_list", 1, "Bytes"), ("float_list", 2, "Floats"), ("int64_list", 3, "Ints")],
    "Entry": [("key", 1, Field.TYPE_STRING), ("value", 2, "Feature")],
    "Features": [("feature", 1, ["Entry"])],
    "Example": [("features", 1, "Features")],
}
_EXAMPLE = message_classes("sluice.stacks", _MESSAGES, one_of=("Feature",))["Example"]


@click.command()
def main() -> None:
    """Run, measure, and print."""
    with tempfile.TemporaryDirectory(prefix="sluice-stacks-") as folder:
        click.echo(_measured(Path(folder)).as_json())


def _measured(output: Path) -> Measured:
    load = os.getloadavg()[0]
    command = [python(), str(ROOT / "runners/local_runner.py"), "--workload", "taxi", "--output-dir", str(output)]
    cost = measure(command, ROOT)
    [examples] = (output / "taxi/artifacts/ExampleGen/examples").iterdir()
    return Measured(
        python=platform.python_version(),
        versions={name: version(name) for name in PACKAGES},
        seconds=cost.seconds,
        cpu_seconds=cost.cpu_seconds,
        peak_bytes=cost.peak_bytes,
        output_lines=cost.output_lines,
        load_before=load,
        splits={folder.name.removeprefix("Split-"): fingerprint(folder) for folder in sorted(examples.iterdir())},
        record=json.loads((output / "taxi/latest/run.json").read_text()),
    )


def fingerprint(split: Path) -> str:
    """A hash of the rows of a split, whatever their order and the order of the columns in a tf.Example.

    Raises:
      SluiceError: for a damaged file.
    """
    rows = []
    for file in split.iterdir():
        for record in read_records(str(file)):
            features = _EXAMPLE.FromString(record).features.feature
            row = sorted((entry.key, _values(entry.value)) for entry in features)
            rows.append(hashlib.sha256(repr(row).encode()).digest())
    return hashlib.sha256(b"".join(sorted(rows))).hexdigest()[:16]


def _values(feature: Any) -> tuple[str, list[Any]]:
    kind = feature.WhichOneof("kind")
    return (kind, list(getattr(feature, kind).value)) if kind else ("", [])


if __name__ == "__main__":
    main()
