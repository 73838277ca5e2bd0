"""Notifies by webhook of a run that needs a person. How the run ends does not depend on it."""

from __future__ import annotations

from core.webhook import Notice, send
from pipeline.config.notify import NotifyConfig
from runners.results.outcome import Outcome
from runners.results.record import Gathered


def notify(config: NotifyConfig | None, workload: str, run_id: str, outcome: Outcome, gathered: Gathered) -> str | None:
    """Sends the outcome where the configuration says so; returns why it was not taken, in one sentence."""
    event = event_of(outcome, gathered)
    if config is None or not event:
        return None
    notice = Notice(
        workload=workload,
        run_id=run_id,
        outcome=outcome.outcome,
        exit_code=outcome.exit_code,
        reason=outcome.reason,
        next_command=outcome.next_command,
        pushed_version=outcome.pushed_version,
    )
    return send(config.as_webhook(), event, notice.message()) or None


def event_of(outcome: Outcome, gathered: Gathered) -> str:
    """As `notify.events` names it; empty for an outcome that needs nobody."""
    rollout = gathered.rollout.rollout.event if gathered.rollout else ""
    if outcome.outcome in ("refused", "undecided"):
        return rollout or outcome.outcome
    return outcome.outcome if outcome.outcome == "failed" else ""
