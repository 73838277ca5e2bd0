"""The outcome of a run from the results of its components: pushed, refused, undecided, failed or stopped; and why."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.errors import ExitCode, SluiceError
from core.file_errors import unwritable
from gates.verdict.finding import GateReport, Severity
from runners.component_names import name_of
from runners.results.node_result import NodeResult, Results

if TYPE_CHECKING:
    from pipeline.artifacts.rollout import RolledOut

_PUSHED = {"pushed_version": "pushed_version", "pushed_to": "pushed_destination"}
# What a workload's own modules are called by.
_USER_FUNCTIONS = ("preprocessing_fn", "build_model")
# Many lines, of which the one before the node's name says what was wrong.
_GRAPH_ERROR = re.compile(r"^(?P<words>\S.*?)\.?\n\s*\[\[\{\{node (?:transform/)?(?P<node>[^}]+)\}\}", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `reason` is one sentence; `next_command` may be empty. A version that its rollout took back is
    refused, and yet in the folder that it was pushed to."""

    outcome: Literal["pushed", "refused", "undecided", "failed", "stopped"]
    exit_code: int
    reason: str
    next_command: str = ""
    pushed_version: str | None = None
    pushed_to: str | None = None


def outcome_of(
    results: Results, gates: Sequence[GateReport], until: str | None, push_wanted: bool, log: str
) -> Outcome:
    """The outcome of a run that ended by itself. `log` is the command or the link that shows its log."""
    for result in results.values():
        if result.state == "failed":
            # The Rollout fails behind the push, which stays.
            pushed = _pushed(results)
            return replace(
                _failed(result, log), pushed_version=pushed.get("pushed_version"), pushed_to=pushed.get("pushed_to")
            )
    if refusals := [report for report in gates if not report.blessed]:
        return _refused(refusals, _pushed(results))
    if until and until not in ("Pusher", "Rollout"):
        return Outcome("stopped", ExitCode.PUSHED, f"After {name_of(until)}, as requested.")
    if not push_wanted and gates:
        return Outcome("stopped", ExitCode.PUSHED, "Blessed, and not pushed because serving.push is false.")
    pushed = _pushed(results)
    if not pushed:
        return Outcome("failed", ExitCode.ERROR, "Every gate passed, and yet nothing was pushed.", f"See:  {log}")
    rollout = _rolled_out(results)
    if rollout is None:
        return Outcome("pushed", ExitCode.PUSHED, "Every blessing is present.", **pushed)
    if not rollout.is_done:
        return Outcome("undecided", ExitCode.UNDECIDED, rollout.rollout.reason, rollout.next_command, **pushed)
    return Outcome("pushed", ExitCode.PUSHED, "Every blessing is present, and it has all traffic.", **pushed)


def _pushed(results: Results) -> dict[str, str]:
    """The version and its place, as `Outcome` names them; empty when nothing was pushed."""
    pushed = results["Pusher"].output("pushed_model") if "Pusher" in results else None
    if pushed is None or not pushed.get_int_custom_property("pushed"):
        return {}
    return {name: pushed.get_string_custom_property(key) for name, key in _PUSHED.items()}


def _rolled_out(results: Results) -> RolledOut | None:
    if "Rollout" not in results:
        return None
    from runners.results.read_back import rolled_out_of  # TFX, which a run without results does not need

    return rolled_out_of(results["Rollout"])


def outcome_of_error(problem: SluiceError) -> Outcome:
    """The outcome of a run that could not begin."""
    return Outcome("failed", problem.exit_code, problem.headline, problem.next_command)


def outcome_of_defect(defect: Exception, log: str) -> Outcome:
    """The outcome of a run that an unexpected exception ended."""
    return Outcome("failed", ExitCode.ERROR, f"unexpected {_in_one_line(defect)}", f"See why:  {log}")


def outcome_of_interrupt(exit_code: int) -> Outcome:
    """The outcome of a run that a person or the system stopped."""
    return Outcome(
        "stopped", exit_code, "From outside; finished components are kept.", "Go on:  the same command again"
    )


def _failed(result: NodeResult, log: str) -> Outcome:
    if isinstance(result.error, SluiceError):
        return outcome_of_error(result.error)
    if problem := unwritable(result.error):
        sentence = f"{name_of(result.node_id)} could not go on: {problem.headline}"
        return Outcome("failed", problem.exit_code, sentence, problem.next_command)
    if result.node_id == "Transform" and (graph_error := _GRAPH_ERROR.search(str(result.error))):
        sentence = f"preprocessing_fn cannot compute `{graph_error['node']}` of this data: {graph_error['words']}."
        return Outcome("failed", ExitCode.UNUSABLE, sentence, "Mend it:  `preprocessing.module` in the configuration")
    if place := _place_in_user_code(result.error):
        sentence = f"{place} failed: {_in_one_line(result.error)}"
        return Outcome("failed", ExitCode.UNUSABLE, sentence, f"Mend it there; the whole story:  {log}")
    sentence = f"{name_of(result.node_id)} failed: {_in_one_line(result.error)}"
    return Outcome("failed", ExitCode.ERROR, sentence, f"See why:  {log}")


def _place_in_user_code(error: BaseException | None) -> str:
    """The last line of a workload's own function that the error went through, as `preprocessing_fn (rides.py, line 7)`;
    empty when it came from elsewhere."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    places = [each for each in frames if each.name in _USER_FUNCTIONS]
    return f"{places[-1].name} ({Path(places[-1].filename).name}, line {places[-1].lineno})" if places else ""


def _in_one_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def _refused(reports: list[GateReport], pushed: Mapping[str, str]) -> Outcome:
    findings = [finding for report in reports for finding in report.of(Severity.BLOCK)]
    if not findings:
        sentence = f"{reports[0].gate} could not decide, and in doubt nothing is pushed"
        return Outcome("refused", ExitCode.REFUSED, sentence, "", **pushed)
    more = f" And {len(findings) - 1} more." if len(findings) > 1 else ""
    return Outcome("refused", ExitCode.REFUSED, findings[0].reason + more, findings[0].remedy, **pushed)
