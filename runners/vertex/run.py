"""One run on Vertex AI from its request to its exit code: preflight, cost, compile, ask, submit or schedule, follow."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

import yaml

from cloud.job_settings import JobSettings
from cloud.pipeline_jobs import PipelineJobs, is_job_id, sent_with
from cloud.place import Place
from cloud.preflight.images import pinned
from cloud.schedules import Schedules, check_cron
from core.errors import ExitCode, SluiceError
from core.printable import PrintableFormatter
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.load import load_environment, load_workload
from pipeline.config.references import check_references
from pipeline.config.workload import WorkloadConfig
from runners.console.console import RunConsole
from runners.local.log_redirect import output_redirected_to
from runners.vertex.cost import estimate_cost, print_cost, refuse_above
from runners.vertex.follow import follow
from runners.vertex.preflight import preflight

_NOT_SUBMITTED = 130


@dataclass(frozen=True)
class Request:
    """The options of the command line."""

    workload: str
    environment: str
    output_dir: Path
    overrides: tuple[str, ...] = ()
    environment_overrides: tuple[str, ...] = ()
    data: str | None = None
    profile: str | None = None
    job_name: str | None = None
    schedule: str | None = None
    dry_run: bool = False
    max_cost: float | None = None
    yes: bool = False
    follow: bool = True
    debug: bool = False  # whether the output of libraries is shown instead of kept in a log
    command: str = "python runners/vertex_runner.py"  # as it was typed


def run(request: Request) -> int:
    """Submit the workload of a request and follow its job; returns the exit code.

    Raises:
      SluiceError: when something is wrong before the job begins, or it cannot be followed.
    """
    prepared = Prepared.of(request)
    if request.schedule is not None:
        check_cron(request.schedule)
    folder = _made(request.output_dir.absolute() / prepared.config.name)
    with _output(folder / "vertex.log", request.debug) as stream, RunConsole(stream) as console:
        return _VertexRun(prepared, folder, console).carry_out()


@dataclass(frozen=True)
class Prepared:
    """A request with what it names, read and checked; `name` is the job's."""

    request: Request
    config: WorkloadConfig
    environment: EnvironmentConfig
    name: str

    @classmethod
    def of(cls, request: Request) -> Prepared:
        """From the files that the request names.

        Raises:
          SluiceError: when one of them, or the job's name, cannot be used.
        """
        config = load_workload(request.workload, request.overrides, request.data, request.profile, request.environment)
        check_references(config)
        environment = load_environment(request.environment, request.environment_overrides)
        return cls(request, config, environment, job_name(request.job_name, config.name, environment.name))


def job_name(given: str | None, workload: str, environment: str) -> str:
    """The id of a job: the one that was given, or workload, environment and time.

    Raises:
      SluiceError: when it cannot be the id of a job.
    """
    if given is None:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
        return f"{workload}-{environment}-{stamp}".replace("_", "-")
    if is_job_id(given):
        return given
    sentence = f"--job-name {given}: a job's name has up to 128 of a-z, 0-9 and -, and starts with a letter."
    mended = re.sub(r"[^a-z0-9-]+", "-", given.lower()).strip("-0123456789")[:128] or workload.replace("_", "-")
    raise SluiceError(sentence, f"Like this:  --job-name {mended}")


class _VertexRun:
    def __init__(self, prepared: Prepared, folder: Path, console: RunConsole) -> None:
        self._request = prepared.request
        self._config = prepared.config
        self._environment = prepared.environment
        self._name = prepared.name
        self._folder = folder
        self._console = console
        self._place = Place(prepared.environment.project, prepared.environment.region)

    def carry_out(self) -> int:
        request, console = self._request, self._console
        self._refuse_without_a_yes()
        console.headline(self._config.name, self._environment.name, self._what, f"Vertex AI, {self._place}")
        console.working_on("preflight")
        self._check()
        console.working_on("compiling")
        job = self._compile()
        document: dict[str, Any] = json.loads(job.read_text(encoding="utf-8"))
        settings = self._settings()
        console.last_words("job:", str(job), "dim")
        if request.dry_run:
            return self._show(document, settings)
        if not self._is_approved():
            console.last_words("NOT SUBMITTED", "nothing was sent.")
            return _NOT_SUBMITTED
        if request.schedule:
            return self._schedule(request.schedule, document, settings)
        console.working_on("submitting")
        submitted = PipelineJobs(self._place).submit(document, self._name, settings)
        console.last_words("SUBMITTED", submitted.name)
        if not request.follow:
            command = f"python runners/vertex_runner.py jobs follow {self._name} {self._place.options}"
            console.last_words("follow:", command, "dim")
            return ExitCode.PUSHED
        return follow(self._place, self._name, console)

    def _check(self) -> None:
        """What shows without the cloud, then preflight and cost. From here on the images are those that were seen."""
        from runners.vertex.preconditions import check_preconditions  # with TFX, which prints a lot

        warnings = check_preconditions(self._config, self._environment)
        result = preflight(self._config, self._environment, self._free_name, self._console.rich)
        serves = self._environment.model_registry or self._environment.endpoint
        wanted = [result.image_digest, *([result.serving_digest] if serves else [])]
        for warning in [] if all(wanted) else warnings:
            self._console.last_words("warning:", warning, "yellow")
        images = {"image": pinned(self._environment.image, result.image_digest)}
        if self._environment.serving_image:
            images["serving_image"] = pinned(self._environment.serving_image, result.serving_digest)
        self._environment = self._environment.model_copy(update=images)
        cost = estimate_cost(self._config, self._environment, self._request.output_dir)
        print_cost(cost, self._console.rich)
        if self._request.max_cost is not None:
            refuse_above(cost, self._request.max_cost)

    def _compile(self) -> Path:
        """Write the compiled job; the imports are slow and print a lot."""
        from pipeline.datasets import datasets_as_seen, datasets_there
        from runners.vertex.compilation import compile_workload

        config = self._config
        datasets = datasets_as_seen(
            config.data, config.split, config.prediction, network=True, slices=config.evaluator.slices
        )
        if self._request.schedule:
            # What was seen is today's: each scheduled run looks for its own files.
            datasets = datasets_there(config.data)
        return compile_workload(config, self._environment, datasets, self._folder)

    def _settings(self) -> JobSettings:
        from runners.vertex.platform import job_settings

        return job_settings(self._config, self._environment)

    @property
    def _free_name(self) -> str | None:
        """The name that must be free; Vertex AI names the jobs of a schedule itself."""
        return None if self._request.schedule else self._name

    @property
    def _what(self) -> str:
        return f"schedule {self._request.schedule}" if self._request.schedule else f"job {self._name}"

    def _refuse_without_a_yes(self) -> None:
        """Before the compilation, which takes a while: without a terminal no question can be answered."""
        if not (self._request.yes or self._request.dry_run or self._console.can_ask):
            sentence = f"the {self._what} costs money and needs a yes, and nobody can answer here."
            raise SluiceError(sentence, "Agree beforehand:  the same command with --yes")

    def _is_approved(self) -> bool:
        """Whether a person agrees, beforehand or now."""
        return self._request.yes or self._console.ask(f"Start the {self._what} in {self._place}?")

    def _schedule(self, cron: str, document: dict[str, Any], settings: JobSettings) -> int:
        name = schedule_name(self._config.name, self._environment.name)
        made = Schedules(self._place).put(name, cron, document, settings)
        due = made.next_run.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if made.next_run else "never"
        self._console.last_words("SCHEDULED", f"{name} · {made.cron} · next run {due}")
        end = f"python runners/vertex_runner.py jobs cancel {name} {self._place.options}"
        self._console.last_words("end it:", end, "dim")
        return ExitCode.PUSHED

    def _show(self, document: dict[str, Any], settings: JobSettings) -> int:
        """Print what would be sent."""
        sent = {"name": f"{self._place.parent}/pipelineJobs/{self._name}", **sent_with(document, settings)}
        if self._request.schedule:
            sent["schedule"] = {
                "displayName": schedule_name(self._config.name, self._environment.name),
                "cron": self._request.schedule,
            }
        self._console.last_words("WOULD BE SENT", f"to {self._place.host}, with the tasks of that file:")
        for line in yaml.safe_dump(sent, sort_keys=False, allow_unicode=True).splitlines():
            self._console.last_words("   ", line)
        return ExitCode.PUSHED


def schedule_name(workload: str, environment: str) -> str:
    """The display name of the one schedule of a workload in an environment."""
    return f"sluice-{workload}-{environment}".replace("_", "-")


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        sentence = f"the output folder {folder} cannot be made: {problem.strerror}."
        raise SluiceError(sentence, "Use another:  --output-dir FOLDER") from problem
    return folder


@contextmanager
def _output(log: Path, debug: bool) -> Iterator[TextIO]:
    """The console's stream; what libraries print goes to `log`, or with `debug` to standard error."""
    if not debug:
        with output_redirected_to(log) as stream:
            yield stream
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter(logging.BASIC_FORMAT))
    logging.basicConfig(handlers=[handler], level=logging.DEBUG, force=True)
    yield sys.stdout
