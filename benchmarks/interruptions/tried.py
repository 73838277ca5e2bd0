"""One disturbance, how the same command ended after it, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.interruptions.site import Ended, Seen, Site, State

_UNUSABLE = 3


@dataclass(frozen=True)
class Tried:
    """`ending` in a few words; `problems` is empty when all is as it must be. `times`: how often it was disturbed."""

    name: str
    ending: str
    problems: Sequence[str] = ()
    times: int = 1

    def with_note(self, note: str) -> Tried:
        """With a note behind its ending."""
        return replace(self, ending=f"{self.ending} ({note})")

    def with_problem(self, problem: str) -> Tried:
        """With one more problem."""
        return replace(self, problems=(*self.problems, problem))


def ended_in_order(
    site: Site,
    expected: State,
    name: str,
    seen: Seen | None = None,
    mend: Callable[[], object] = lambda: None,
    versions: int | None = None,
    watch: Callable[[], None] = lambda: None,
) -> Tried:
    """Runs the command: it must end as an undisturbed run, or with exit code 3, one sentence and a command that can be
    typed. After that, and after `mend` where a person has to do something, it must end as an undisturbed run.

    `seen` holds what stood in the serving folder before, which must be whole versions; `versions`: how many may be
    served when it is not one; `watch` is called all the time while the command runs for the first time.
    """
    seen = seen or Seen()

    def look() -> None:
        seen.look(site.serving)
        watch()

    ended = site.start().to_end(look)
    problems, ending = list(faults_of(ended)), f"exit {ended.exit_code}"
    if ended.exit_code == _UNUSABLE:
        ending, more = _typed(site, ended)
        problems += more
        mend()
        again = site.start().to_end(lambda: seen.look(site.serving))
        problems += faults_of(again)
        ending = f"{ending}; then exit {again.exit_code}"
        ended = again
    if ended.exit_code != 0:
        problems.append(f"it ended with exit code {ended.exit_code}: {ended.printed[-600:]}")
    else:
        state = site.state()
        if versions is not None and len(state.served) <= versions:
            state = replace(state, served=expected.served)
        problems += state.differences(expected)
    seen.look_again(site.serving)
    problems += [
        f"version {each} was not whole at some moment" for each, found in seen.versions.items() if len(found) > 1
    ]
    return Tried(name, ending.replace(f"{site.home}/", ""), tuple(problems))


def _typed(site: Site, ended: Ended) -> tuple[str, list[str]]:
    """Types the next command that a refusal printed."""
    sentence, command = ended.refusal
    ending = f"exit 3: {sentence} Typed: `{command}`"
    if not sentence or not command:
        return ending, ["exit code 3 without a sentence and a command to type"]
    # Another folder is tried with ingest alone: it is a run like any other.
    typed = site.type(command.replace("FOLDER", f"{site.home / 'another'} --until ingest"))
    return ending, [f"`{command}` failed: {typed.printed[-400:]}"] if typed.exit_code else []


def faults_of(ended: Ended) -> list[str]:
    """What no command may do, however it ends."""
    found = ["a traceback was printed"] if "Traceback" in ended.printed else []
    return found + ([f"exit code {ended.exit_code}"] if ended.exit_code not in (0, _UNUSABLE) else [])
