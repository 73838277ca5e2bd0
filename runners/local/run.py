"""One local run from its request to its exit code: preflight, components, verdict, report and run record."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from core.errors import SluiceError
from core.file_errors import unwritable
from core.garbage import nothing_collected
from pipeline.config.load import load_workload
from pipeline.config.references import check_references
from pipeline.config.workload import WorkloadConfig
from pipeline.datasets import Datasets, datasets_here
from runners import provenance
from runners.command_line import node_id_of
from runners.component_names import name_of
from runners.console.console import RunConsole
from runners.console.ending import print_ending
from runners.console.rollout_table import rollout_table
from runners.interruption import Interrupted, Interruption, interruptible
from runners.local.log_redirect import output_redirected_to
from runners.local.machine_check import check_machine
from runners.local.metadata_file import check_metadata
from runners.results.finished_run import FinishedRun
from runners.results.node_result import NodeResult
from runners.results.outcome import Outcome, outcome_of, outcome_of_defect, outcome_of_error, outcome_of_interrupt
from runners.results.run_folder import RunFolder, exclusive, from_here, new_run_folder

if TYPE_CHECKING:
    from runners.results.record import Gathered


@dataclass(frozen=True)
class Request:
    """The options of the command line."""

    workload: str
    data: str | None
    output_dir: Path
    overrides: tuple[str, ...]
    until: str | None
    resume: bool
    beam_runner: str
    beam_arguments: tuple[str, ...]
    profile: str | None = None
    environment: str | None = None


def run(request: Request) -> int:
    """Run the workload of a request; returns the exit code.

    Raises:
      SluiceError: when something is wrong before the run begins.
    """
    config = load_workload(request.workload, request.overrides, request.data, request.profile, request.environment)
    check_references(config)
    until = node_id_of(request.until) if request.until else None
    with exclusive(request.output_dir, config.name):
        folder = new_run_folder(request.output_dir, config.name)
        with (
            output_redirected_to(folder.log) as stream,
            RunConsole(stream) as console,
            interruptible() as interruption,
        ):
            return LocalRun(request, config, folder, console, until, interruption).carry_out()


class LocalRun:
    """The state of one run: its request, its folder, and the results of its components so far."""

    def __init__(
        self,
        request: Request,
        config: WorkloadConfig,
        folder: RunFolder,
        console: RunConsole,
        until: str | None,
        interruption: Interruption,
    ) -> None:
        self._request = request
        self._config = config
        self._folder = folder
        self._console = console
        self._until = until
        self._interruption = interruption
        self._began = time.monotonic()
        self._results: dict[str, NodeResult] = {}
        self._datasets: Datasets | None = None

    def carry_out(self) -> int:
        """Run the pipeline, print its progress, write the record and the report; returns the exit code."""
        self._console.headline(self._config.name, f"run {self._folder.run_id}", self._request.beam_runner)
        try:
            self._console.working_on("starting")
            config = self._config
            self._datasets = datasets_here(config.data, config.split, config.prediction, config.evaluator.slices)
            if self._until is None:
                check_machine(self._config.train.accelerator)
            outcome = self._run_components(self._datasets)
        except SluiceError as problem:
            outcome = outcome_of_error(problem)
        except Interrupted as interrupt:
            outcome = outcome_of_interrupt(interrupt.exit_code)
        except Exception as problem:
            logging.getLogger("sluice").exception("the run ended in an unexpected way")
            of_the_disk = unwritable(problem)
            outcome = outcome_of_error(of_the_disk) if of_the_disk else outcome_of_defect(problem, self._see_log)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # what is left takes a moment, and must not be left half-done
        try:
            outcome = self._publish(outcome)
        except OSError as problem:
            outcome = self._unrecorded(outcome, problem)
        if outcome.outcome == "stopped" and outcome.exit_code:
            _leave_at_once(outcome.exit_code)
        return outcome.exit_code

    def started(self, node_id: str) -> None:
        """Called when a component begins."""
        self._console.working_on(name_of(node_id))

    def finished(self, result: NodeResult) -> None:
        """Called when a component has ended."""
        from runners.console.component_lines import sentence_for

        self._results[result.node_id] = result
        if result.state == "skipped":
            return
        sentence = sentence_for(result)
        if result.state == "reused":
            sentence = f"reused · {sentence}" if sentence else "reused"
        if result.made_anew:
            sentence = f"made anew, for {result.made_anew} · {sentence}"
        self._console.component(name_of(result.node_id), sentence, result.seconds)

    def _run_components(self, datasets: Datasets) -> Outcome:
        """Compile and run the pipeline; the heavy imports happen here."""
        with nothing_collected():
            from pipeline.pipeline import create_pipeline
            from runners.local.dag import run_pipeline
            from runners.local.platform import local_platform
            from runners.results.read_back import gate_reports
            from serving.local_folder import LocalVersionFolder

        request = self._request
        if lost := check_metadata(self._folder):
            self._console.last_words(
                "set aside:", f"artifacts without a metadata store, in {from_here(lost)}", "yellow"
            )
        LocalVersionFolder(str(self._folder.serving)).distrust_if_altered()
        platform = local_platform(datasets, self._folder, request.resume, request.beam_runner, request.beam_arguments)
        pipeline = create_pipeline(self._config, platform)
        self._results = run_pipeline(pipeline, self._folder.run_id, self, self._until)
        self._interruption.raise_again()
        gates = gate_reports(self._results)
        return outcome_of(self._results, gates, self._until, self._config.serving.push, self._see_log)

    def _publish(self, outcome: Outcome) -> Outcome:
        """Write the record and the report, point `latest` at them, and print how the run ended, which is returned."""
        from runners.results.notification import notify
        from runners.results.publish import write_files

        gathered, outcome = self._gathered(outcome)
        problem = notify(self._config.notify, self._config.name, self._folder.run_id, outcome, gathered)
        facts = {**self._facts(), "notification": problem}
        run = FinishedRun(self._config, self._folder.run_id, self._results, outcome, facts)
        record = write_files(self._folder.files, run, gathered)
        self._folder.publish_as_latest()
        # Elsewhere each step had its line when it began.
        if record.rollout and self._console.is_terminal:
            self._console.table(rollout_table(record.rollout))
        self._console.verdict(gathered.gates)
        self._tell(outcome)
        if problem:
            self._console.last_words("not notified:", problem, "yellow")
        return outcome

    def _gathered(self, outcome: Outcome) -> tuple[Gathered, Outcome]:
        """What the components left, and the outcome. Where it cannot be read the run still has a record, and is no
        success: what was altered meanwhile is made anew by the next run, and all else is a defect."""
        from runners.results.record import Gathered, gather

        try:
            return gather(self._results), outcome
        except Exception as problem:
            logging.getLogger("sluice").exception("the outputs of the components cannot be read")
            if outcome.exit_code:
                return Gathered(), outcome
            ended = self._unreadable(problem)
            return Gathered(), replace(ended, pushed_version=outcome.pushed_version, pushed_to=outcome.pushed_to)

    def _unreadable(self, problem: Exception) -> Outcome:
        """The outcome of a run whose outputs cannot be read."""
        from runners.local.seals import first_altered

        root = str(self._folder.artifacts)
        altered = next((why for each in self._results.values() if (why := first_altered(each.outputs, root))), "")
        if not altered:
            return outcome_of_defect(problem, self._see_log)
        sentence = f"what the components made was altered while they ran: {altered}."
        return outcome_of_error(
            SluiceError(sentence, f"Run again, which makes it anew; what was read:  {self._see_log}")
        )

    def _unrecorded(self, outcome: Outcome, problem: OSError) -> Outcome:
        """The outcome of a run whose record or report the disk did not take; what a defect might cause is raised."""
        found = unwritable(problem)
        if found is None:
            raise problem
        if outcome.outcome == "failed" and outcome.next_command == found.next_command:
            # The same disk: one sentence is enough.
            outcome = replace(outcome, reason=f"{outcome.reason.rstrip('.')}, and the run cannot be recorded.")
            print_ending(self._console, outcome, self._config.name, from_here(self._folder.serving))
            return outcome
        print_ending(self._console, outcome, self._config.name, from_here(self._folder.serving))
        found = SluiceError(
            f"the run cannot be recorded in {from_here(self._folder.path)}: {found.headline}", found.next_command
        )
        self._console.error(found)
        return outcome if outcome.outcome == "stopped" and outcome.exit_code else outcome_of_error(found)

    def _facts(self) -> dict[str, Any]:
        peak_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "seconds": round(time.monotonic() - self._began, 3),
            "peak_memory_bytes": peak_kilobytes * 1024,
            "git_commit": provenance.git_commit(),
            "lock_hash": provenance.lock_hash(),
            "data_fingerprint": self._datasets.current.fingerprint if self._datasets else None,
        }

    @property
    def _see_log(self) -> str:
        return f"less {from_here(self._folder.log)}"

    def _tell(self, outcome: Outcome) -> None:
        print_ending(self._console, outcome, self._config.name, from_here(self._folder.serving))
        if self._folder.files.proposed_schema.exists():
            proposal, name = from_here(self._folder.files.proposed_schema), self._config.name
            self._console.last_words(
                "schema:",
                f"proposed in {proposal}; curate it as schema/{name}/schema.pbtxt, and name that in `schema_file`",
                "dim",
            )
        self._console.last_words("report:", from_here(self._folder.files.report), "dim")


def _leave_at_once(exit_code: int) -> NoReturn:
    """End the process although threads of Beam and TensorFlow may still run; all results are written."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
