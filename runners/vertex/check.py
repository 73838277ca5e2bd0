"""`vertex_runner.py --check`: compile, parse back, find what would break, list what would run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from core.errors import ExitCode, SluiceError
from core.terminal import PlainConsole
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.load import load_environment, load_workload
from pipeline.config.references import check_references
from pipeline.config.workload import WorkloadConfig
from pipeline.datasets import datasets_as_seen
from runners.local.log_redirect import output_redirected_to


def check_job(
    workload: str,
    overrides: Sequence[str],
    environment: str,
    environment_overrides: Sequence[str],
    data: str | None,
    output_dir: Path,
    profile: str | None = None,
) -> int:
    """Write `<output-dir>/<workload>/vertex-job.json` and list its tasks, images and conditions.

    Raises:
      SluiceError: when the job does not parse or refers to what does not exist.
    """
    config = load_workload(workload, overrides, data, profile, environment)
    check_references(config)
    cloud = load_environment(environment, environment_overrides)
    folder = output_dir.absolute() / config.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        sentence = f"the output folder {folder} cannot be made: {problem.strerror}."
        raise SluiceError(sentence, "Use another:  --output-dir FOLDER") from problem
    with output_redirected_to(folder / "vertex-check.log") as stream:
        _compile_and_list(config, cloud, folder, stream)
    return ExitCode.PUSHED


def _compile_and_list(config: WorkloadConfig, cloud: EnvironmentConfig, folder: Path, stream: TextIO) -> None:
    """Compile and list; the imports are slow and print a lot."""
    from cloud.errors import unknown_region
    from runners.vertex.compilation import compile_workload
    from runners.vertex.job import JobTask, list_tasks, read_job
    from runners.vertex.listing import placeholders, task_lines
    from runners.vertex.preconditions import check_preconditions

    warnings = check_preconditions(config, cloud)
    if wrong := unknown_region(cloud.region):
        raise wrong
    datasets = datasets_as_seen(
        config.data, config.split, config.prediction, network=False, slices=config.evaluator.slices
    )
    if cloud.caching and not datasets.current.fingerprint:
        warnings.append("the data cannot be read from here: its columns are not checked, and ingest is never reused.")
    job = compile_workload(config, cloud, datasets, folder)
    _, spec = read_job(job)
    tasks: list[JobTask] = list_tasks(spec)
    console = PlainConsole(stream, soft_wrap=True)
    console.print(f"sluice · {config.name} · {spec.pipeline_info.name} · schema {spec.schema_version}", style="bold")
    for line in task_lines(tasks):
        console.print(line)
    for image, count in Counter(task.image for task in tasks if task.image).items():
        console.print(f"  {count} containers of {image}")
    console.print(f"  {len(tasks)} tasks, every reference resolves   ·   job: {job}")
    for warning in warnings:
        console.print(f"  {warning}", style="yellow")
    if left := placeholders(cloud.model_dump()):
        console.print(f"  environment {cloud.name}: {', '.join(left)} still hold placeholders (my-…)", style="yellow")
        console.print("  Put your own into its YAML (configs/environments/), or give --project, --bucket and --image.")
