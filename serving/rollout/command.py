"""`python -m serving.rollout status | resume | approve | reject | rollback | record | history`."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from core.errors import ExitCode, SluiceError
from core.printable import show_text
from core.quiet_import import nothing_printed
from core.terminal import print_table
from core.text import listed
from core.version import VERSION
from gates.command.usage import OneSentenceGroup, folder_name
from serving.rollout.record import Entry, Phase, Rollout
from serving.rollout.store import Instruction, RolloutStore
from serving.rollout.stores import store_at

_EPILOG = """\b
Exit codes:  0 done; with status and resume: the version has all traffic
             1 a defect of Sluice
             2 with status, resume and approve: the version was rolled back, or is being rolled back
             3 there is no such rollout, its step does not allow this, its endpoint does not run, or with record:
               a registry cannot be changed
             4 with status and resume: undecided, waiting for approval, or under way
"""
_APPROVABLE = (Phase.CANARY, Phase.APPROVAL)
_BEFORE_PRODUCTION = (Phase.STAGING, Phase.SMOKE, Phase.SHADOW, *_APPROVABLE)
_REVERSIBLE = (*_BEFORE_PRODUCTION, Phase.PRODUCTION, Phase.WARM)


@click.group(cls=OneSentenceGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="sluice")
def main() -> None:
    """Look at the rollouts of a workload, and decide about the present one."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--workload", required=True, metavar="NAME", callback=folder_name, help="The workload, e.g. taxi."
        ),
        click.option(
            "--output-dir",
            default="out",
            show_default=True,
            metavar="PATH",
            help="The output folder of the runs, here or gs://BUCKET/sluice.",
        ),
    ):
        command = option(command)
    return command


def _reason_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--reason", default="", metavar="TEXT", help="Why; it is recorded beside your name.")(command)


@main.command()
@_options
def status(output_dir: str, workload: str) -> None:
    """Say which step the last rollout is in, and why."""
    store = store_at(output_dir, workload)
    rollout = _last(store)
    running = " A process is rolling out." if not rollout.is_final and store.is_running() else ""
    show_text(f"{workload}, rollout {rollout.id}: version {rollout.candidate.version}, {rollout.phase.value}.{running}")
    show_text(rollout.reason or "No step has ended yet.")
    print_table(("when (UTC)", "step", "share", "outcome", "reason"), map(_row, rollout.entries))
    if rollout.phase is Phase.APPROVAL:
        show_text(f"Decide:  {store.command('approve')}\n    or:  {store.command('reject')}")
    elif not rollout.is_final and not running:
        show_text(f"Go on:  {store.command('resume')}")
    sys.exit(rollout.exit_code)


@main.command()
@_options
def resume(output_dir: str, workload: str) -> None:
    """Go on with a rollout that is undecided or was interrupted, without a run of the pipeline."""
    store = store_at(output_dir, workload)
    rollout = _last(store)
    if rollout.is_final:
        raise SluiceError(f"rollout {rollout.id} of {workload} is over: {rollout.phase.value}.", _see(store))
    sys.exit(_finish(store, rollout).exit_code)


@main.command()
@_options
def history(output_dir: str, workload: str) -> None:
    """List the finished rollouts, oldest first."""
    found = store_at(output_dir, workload).history()
    if not found:
        show_text(f"No rollout of {workload} has ended yet.")
    else:
        print_table(("rollout", "version", "before it", "ended (UTC)", "outcome", "reason"), map(_past_row, found))


@main.command()
@_options
@_reason_option
def approve(output_dir: str, workload: str, reason: str) -> None:
    """Let the candidate go on to all traffic, whatever the watch has shown so far."""
    _instruct(store_at(output_dir, workload), "approve", reason, _APPROVABLE, Phase.DONE)


@main.command()
@_options
@_reason_option
def reject(output_dir: str, workload: str, reason: str) -> None:
    """Take the candidate back before it gets all traffic."""
    _instruct(store_at(output_dir, workload), "reject", reason, _BEFORE_PRODUCTION, Phase.ROLLED_BACK)


@main.command()
@_options
@_reason_option
def rollback(output_dir: str, workload: str, reason: str) -> None:
    """Give the traffic back to the version before, as long as that one is kept warm."""
    _instruct(store_at(output_dir, workload), "rollback", reason, _REVERSIBLE, Phase.ROLLED_BACK)


@main.command()
@_options
def record(output_dir: str, workload: str) -> None:
    """Write the state of the last rollout into the registries, where that could not be done before."""
    store = store_at(output_dir, workload)
    rollout = _last(store)
    with nothing_printed():
        from serving.rollout.finish import record_again  # imports TensorFlow

    if unrecorded := record_again(store, rollout):
        raise SluiceError(unrecorded.reason, unrecorded.remedy)
    show_text(f"Recorded: version {rollout.candidate.version} of {workload}, {rollout.phase.value}.")


def _instruct(store: RolloutStore, action: str, reason: str, allowed: Sequence[Phase], wanted: Phase) -> None:
    """Leaves the decision for the process that rolls out; where none does, carries it out until the phase `wanted`."""
    rollout = _last(store)
    if rollout.phase not in allowed:
        steps = listed([phase.value for phase in allowed])
        sentence = f"`{action}` is for the steps {steps}; rollout {rollout.id} of {store.workload} is in another one"
        raise SluiceError(f"{sentence}: {rollout.phase.value}.", _see(store))
    if action == "rollback" and rollout.previous is None:
        version = rollout.candidate.version
        sentence = f"there is no version before version {version} of {store.workload} that could get its traffic."
        raise SluiceError(sentence, f"Before it has all traffic it can be ended:  {store.command('reject')}")
    by = f"by {getpass.getuser()}"
    store.instruct(Instruction(rollout.id, rollout.phase.value, action, f"{reason} ({by})" if reason else by))
    if store.is_running():
        show_text(f"Recorded. The process that rolls out {store.workload} follows it at its next look.")
    elif rollout.order is None:
        show_text(f"Recorded. No process is rolling out {store.workload} now; its next start follows it first.")
    else:
        finished = _finish(store, rollout)
        sys.exit(ExitCode.PUSHED if finished.phase is wanted else finished.exit_code)


def _finish(store: RolloutStore, rollout: Rollout) -> Rollout:
    with nothing_printed():
        from serving.rollout.finish import finish  # imports TensorFlow

    finished = finish(store, rollout, show=show_text)
    if finished.exit_code is ExitCode.UNDECIDED:
        show_text(f"Next:  {store.next_command(finished)}")
    return finished


def _see(store: RolloutStore) -> str:
    return f"See:  {store.command('status')}"


def _last(store: RolloutStore) -> Rollout:
    found = store.current()
    if found is None:
        sentence = f"there is no rollout of {store.workload} in {store.output}."
        raise SluiceError(sentence, "Name another folder:  --output-dir PATH", ExitCode.UNUSABLE)
    return found


def _row(entry: Entry) -> Sequence[str]:
    return entry.at, entry.phase.value, f"{entry.share} %", entry.outcome.value, entry.reason


def _past_row(rollout: Rollout) -> Sequence[str]:
    ended = rollout.entries[-1].at if rollout.entries else ""
    version = rollout.candidate.version
    return rollout.id, version, rollout.previous or "–", ended, rollout.phase.value, rollout.reason
