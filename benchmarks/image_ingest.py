"""The 70,000 images of Fashion-MNIST to split tf.Examples: Sluice's ingest beside TFX's own way; writes images.md.

TFX reads no idx files. Its users write TFRecords with TensorFlow, row by row, and then run ImportExampleGen; both steps
are timed. Each turn is a process of its own, and both take turns."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "images.md"
BEAM = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner", "--direct_running_mode=in_memory"]
ROWS = 70_000

Seconds = dict[str, float]


@click.command()
@click.option("--pairs", default=3, show_default=True, help="Runs of each, in turn.")
@click.option("--only", type=click.Choice(["sluice", "tfx"]), hidden=True, help="Time one, once, and print it.")
def main(pairs: int, only: str | None) -> None:
    """Time both, alternating, and write benchmarks/images.md."""
    if only is not None:
        print(json.dumps(_timed({"sluice": _sluice, "tfx": _tfx}[only])))
        return
    ours, theirs = [], []
    for turn in range(pairs):
        ours.append(_apart("sluice"))
        theirs.append(_apart("tfx"))
        click.echo(f"  pair {turn + 1}: Sluice {ours[-1]['total']:.1f} s, TFX {theirs[-1]['total']:.1f} s")
    RESULTS.write_text(_page(ours, theirs), encoding="utf-8")
    click.echo(f"written: {RESULTS.relative_to(ROOT)}")


def _apart(which: str) -> Seconds:
    command = [sys.executable, "-m", "benchmarks.image_ingest", "--only", which]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stderr[-2000:]}")
    found: Seconds = json.loads(done.stdout.splitlines()[-1])
    return found


def _timed(way: Callable[[Path], Seconds]) -> Seconds:
    """Seconds by step, imports apart; and what the process took at most, in GiB."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        found = way(Path(folder))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {**found, "total": sum(found.values()), "peak": peak}


def _sluice(folder: Path) -> Seconds:
    import apache_beam as beam
    import tfx_bsl.coders.example_coder  # noqa: F401 - its import is not what is timed

    from pipeline.config.load import load_workload
    from pipeline.datasets import datasets_here
    from pipeline.ingest.plan import Wanted
    from pipeline.ingest.run import ingest

    config = load_workload("fashion_mnist")
    began = time.monotonic()
    found = datasets_here(config.data, config.split, config.prediction).current
    seen = time.monotonic()
    done = ingest(
        lambda: beam.Pipeline(argv=BEAM), found.source, Wanted(config.data, config.split), str(folder / "examples")
    )
    _expect(sum(done.rows.values()))
    return {"look at the files and hash them": seen - began, "ingest": time.monotonic() - seen}


def _tfx(folder: Path) -> Seconds:
    import tensorflow as tf
    from tfx.components.example_gen.import_example_gen.executor import Executor
    from tfx.proto import example_gen_pb2
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    began = time.monotonic()
    (folder / "records").mkdir()
    for split in ("train", "t10k"):
        pixels, labels = _read_idx(split)
        with tf.io.TFRecordWriter(str(folder / "records" / f"{split}.tfrecord.gz"), "GZIP") as writer:
            for image, label in zip(pixels, labels, strict=True):
                features = {
                    "image": tf.train.Feature(int64_list=tf.train.Int64List(value=image)),
                    "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    written = time.monotonic()
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "examples")
    buckets = [example_gen_pb2.SplitConfig.Split(name="train", hash_buckets=9)]
    buckets.append(example_gen_pb2.SplitConfig.Split(name="eval", hash_buckets=1))
    output = example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=buckets))
    everything = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern="*.tfrecord.gz")])
    Executor(Executor.Context(beam_pipeline_args=[*BEAM, "--sdk_container_image=none"], unique_id="1")).Do(
        {},
        {"examples": [examples]},
        {
            "input_base": str(folder / "records"),
            "input_config": proto_utils.proto_to_json(everything),
            "output_config": proto_utils.proto_to_json(output),
            "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
            "output_file_format": example_gen_pb2.FORMAT_TFRECORDS_GZIP,
        },
    )
    ended = time.monotonic()
    files = [str(path) for path in (folder / "examples").glob("Split-*/*")]
    _expect(sum(1 for _ in tf.data.TFRecordDataset(files, compression_type="GZIP")))
    return {"write TFRecords with TensorFlow": written - began, "ImportExampleGen": ended - written}


def _read_idx(prefix: str) -> tuple[np.ndarray, np.ndarray]:
    from pipeline.config.load import load_workload
    from pipeline.ingest.source import resolve_source
    from sources import idx

    files = resolve_source(load_workload("fashion_mnist").data).files
    parts = idx.Idx().survey(next(path for path in files if f"{prefix}-" in path)).parts
    pixels = [piece for part in parts for piece in idx.read_pixels(part, part.rows)]
    return np.concatenate(pixels), np.concatenate([idx.read_labels(part) for part in parts])


def _expect(rows: int) -> None:
    if rows != ROWS:
        raise RuntimeError(f"{rows:,} rows came out, expected {ROWS:,}")


def _page(ours: list[Seconds], theirs: list[Seconds]) -> str:
    memory = psutil.virtual_memory().total / 2**30
    ratios = [mine["total"] / other["total"] for mine, other in zip(ours, theirs, strict=True)]
    lines = [
        "# Ingest of images against TFX's own way",
        "",
        f"Measured on {time.strftime('%Y-%m-%d')} on {platform.system()} {platform.machine()}, {psutil.cpu_count()} "
        f"cores, {memory:.0f} GiB, Python {platform.python_version()}; made by `make bench`.",
        "The 70,000 images of Fashion-MNIST (idx, gzip) to gzip TFRecords of tf.Examples in splits; imports are not",
        f"counted. {len(ours)} pairs in turn, medians. TFX's ImportExampleGen has no idx reader: TensorFlow writes the",
        "TFRecords that it imports.",
        "",
        "| step | Sluice, s | TFX, s |",
        "|---|---|---|",
        *(f"| {step} | {_median(ours, step)} | – |" for step in ours[0] if step not in ("total", "peak")),
        *(f"| {step} | – | {_median(theirs, step)} |" for step in theirs[0] if step not in ("total", "peak")),
        f"| together | {_median(ours, 'total')} | {_median(theirs, 'total')} |",
        f"| peak memory, GiB | {_median(ours, 'peak')} | {_median(theirs, 'peak')} |",
        "",
        f"Pair by pair Sluice takes {', '.join(f'{ratio:.3f}' for ratio in ratios)} of TFX's time.",
    ]
    return "\n".join(lines) + "\n"


def _median(turns: list[Seconds], step: str) -> str:
    return f"{statistics.median(turn[step] for turn in turns):.1f}"


if __name__ == "__main__":
    main()
