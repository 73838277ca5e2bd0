"""The last lines of a run: how it ended, and what to type next."""

from __future__ import annotations

from core.errors import SluiceError
from runners.console.console import RunConsole
from runners.results.outcome import Outcome


def print_ending(console: RunConsole, outcome: Outcome, workload: str, serving: str) -> None:
    """Print the outcome; `serving` is the folder that blessed models of the workload are pushed to."""
    if outcome.outcome == "pushed":
        console.last_words("PUSHED", f"{workload}/{outcome.pushed_version} → {serving}", "bold green")
    elif outcome.outcome == "undecided":
        sentence = f"version {outcome.pushed_version} keeps the share that it has.  {outcome.next_command}"
        console.last_words("UNDECIDED", sentence, "bold yellow")
    elif outcome.outcome == "refused" and outcome.pushed_version:
        sentence = f"version {outcome.pushed_version} was taken back; the traffic is where it was before."
        console.last_words("REFUSED", sentence, "bold red")
    elif outcome.outcome == "refused":
        console.last_words("REFUSED", "nothing was pushed; what was pushed before is untouched.", "bold red")
    elif outcome.outcome == "stopped":
        console.last_words("STOPPED", f"{outcome.reason}  {outcome.next_command}".rstrip())
    else:
        console.error(SluiceError(outcome.reason, outcome.next_command))
