"""Finishes a rollout by what was recorded when it began: no pipeline is needed, and no configuration."""

from __future__ import annotations

from collections.abc import Callable

from core.errors import ExitCode, SluiceError
from core.webhook import Notice, Webhook, send
from serving.rollout.carry_out import carry_out
from serving.rollout.record import Rollout
from serving.rollout.registration import Registration, Unrecorded
from serving.rollout.store import RolloutStore
from serving.rollout.uploads import upload_finished


def finish(store: RolloutStore, rollout: Rollout, show: Callable[[str], object]) -> Rollout:
    """Goes on with a rollout; a line to `show` for each step that ends.

    Raises:
      SluiceError: when it does not say where its endpoint is, another process is rolling out, or the endpoint is not
        there.
    """
    if rollout.order is None:
        sentence = (
            f"rollout {rollout.id} of {store.workload} does not say where its endpoint is and what its steps are."
        )
        command = f"python runners/local_runner.py --workload {store.workload} --output-dir {store.output}"
        raise SluiceError(sentence, f"Go on with it:  {command}")
    shown = len(rollout.entries)

    def show_new(present: Rollout) -> None:
        nonlocal shown
        for entry in present.entries[shown:]:
            show(f"{entry.at}  {entry.phase.value}, {entry.share} %: {entry.outcome.value}. {entry.reason}")
        shown = len(present.entries)

    carried = carry_out(rollout.candidate, rollout.order, store, show_new)
    for unrecorded in (carried.unrecorded, upload_finished(carried.rollout, store.command("record"))):
        if unrecorded:
            show(f"{unrecorded.reason}\n    {unrecorded.remedy}")
    _notify(rollout.order.webhook, carried.rollout, store, show)
    return carried.rollout


def record_again(store: RolloutStore, rollout: Rollout) -> Unrecorded | None:
    """Writes into the registries what should stand there of a rollout; what still cannot be written is the result.

    Raises:
      SluiceError: when it names no version of a registry.
    """
    if rollout.order is None or rollout.order.registered is None:
        sentence = f"rollout {rollout.id} of {store.workload} names no version of a registry."
        raise SluiceError(sentence, f"See:  {store.command('status')}")
    return Registration().record(rollout) or upload_finished(rollout, store.command("record"))


def _notify(webhook: Webhook | None, rollout: Rollout, store: RolloutStore, show: Callable[[str], object]) -> None:
    if webhook is None:
        return
    notice = Notice(
        workload=store.workload,
        run_id=None,
        outcome={ExitCode.REFUSED: "refused", ExitCode.UNDECIDED: "undecided"}.get(rollout.exit_code, "pushed"),
        exit_code=rollout.exit_code,
        reason=rollout.reason,
        next_command="" if rollout.is_final else store.next_command(rollout),
        pushed_version=rollout.candidate.version,
    )
    if problem := send(webhook, rollout.event, notice.message()):
        show(f"Not notified: {problem}")
