"""What DataGate and ModelGate share: their settings, a cache key that outlives no waiver, progress told."""

from __future__ import annotations

import logging
from datetime import date

from gates.verdict.settings import GateSettings
from pipeline.config.workload import WorkloadConfig


def settings_of(config: WorkloadConfig, strict: bool) -> str:
    """The gates' settings as JSON; where the platform asks for strictness the configuration cannot take it back."""
    return config.gates.model_copy(update={"strict": config.gates.strict or strict}).model_dump_json()


def waivers_today(settings: GateSettings) -> str:
    """A cache key: a verdict that rests on a waiver must not outlive it."""
    return date.today().isoformat() if any(each.waive for each in settings.checks.values()) else ""


def tell_progress(check: str, place: int, of: int) -> None:
    """Moves the console's bar, whoever listens."""
    logging.getLogger("sluice.progress").info("%s", check, extra={"done": place, "total": of})
