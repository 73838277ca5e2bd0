"""kill -9 of the whole process group at moments that a seed draws, then the same command again."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.interruptions.site import Seen, Site, State, processor_seconds
from benchmarks.interruptions.tried import Tried, ended_in_order

# A run is killed right when one of these appears in its output folder; in the order in which they do.
_ON_THE_WAY = (
    "taxi/artifacts/ExampleGen/examples/*/Split-train/*",
    "taxi/artifacts/Transform/transform_graph/*/*",
    "taxi/artifacts/Trainer/model/*/*",
    "taxi/artifacts/Evaluator/blessing/*/*",
    "taxi/artifacts/ModelGate/report/*/*",
)
_AT_THE_END = (
    "registry/taxi/.incoming-*/*",
    "registry/taxi/1.0.0",
    "registry/taxi/index.json",
    "serving/taxi/.incoming-*",
    "serving/taxi/[0-9]*",
    "serving/taxi/.newest/*",
    "taxi/artifacts/Pusher/report/*/*",
    "taxi/*/run.json",
)
_LONGEST_DELAY = 0.05  # seconds
_IN_A_ROW = 4


@dataclass(frozen=True)
class Moment:
    """When a run is killed: at `seconds` of its processor time or, where there is a pattern, that many seconds of wall
    time after something new appears at `pattern`."""

    seconds: float
    pattern: str = ""

    @property
    def name(self) -> str:
        """In a few words."""
        if not self.pattern:
            return f"after {self.seconds:.1f} s of processor"
        return f"{self.seconds * 1000:.0f} ms after `OUTPUT/{self.pattern}` appeared"


@dataclass(frozen=True)
class Kills:
    """Kills one after another in one output folder, so that what is killed goes on after a kill itself. `is_late`: all
    is made already up to the ModelGate."""

    moments: Sequence[Moment]
    is_late: bool

    @property
    def name(self) -> str:
        """In a few words."""
        return ", then ".join(each.name for each in self.moments)


def kills(count: int, seconds: float, seed: int) -> Iterator[Kills]:
    """`count` moments: one at each event of the end, and the others in rows of up to four, at events on the way and
    then within a third of the processor time that an undisturbed run needs, `seconds`."""
    rng = random.Random(seed)
    late = rng.sample(_AT_THE_END, min(len(_AT_THE_END), count // 2))
    for pattern in late:
        yield Kills([Moment(_delay(rng), pattern)], True)
    left = count - len(late)
    while left > 0:
        size = min(_IN_A_ROW, left)
        events = sorted(rng.sample(range(len(_ON_THE_WAY)), (size + 1) // 2))
        row = [Moment(_delay(rng), _ON_THE_WAY[each]) for each in events]
        # Last, and early in the run: what goes on after kills has less left to do.
        row += [Moment(rng.uniform(0, seconds / 3)) for _ in range(size - len(row))]
        yield Kills(row, False)
        left -= size


def _delay(rng: random.Random) -> float:
    """At once as often as later."""
    return rng.choice((0.0, rng.uniform(0, _LONGEST_DELAY)))


def killed(site: Site, proven: Path, row: Kills, expected: State) -> Tried:
    """Kills runs, looks at what a server would find after each, and runs the same command again. `proven`: the output
    folder of a run that went as far as the ModelGate."""
    shutil.rmtree(site.output, ignore_errors=True)
    if row.is_late:
        shutil.copytree(proven, site.output, symlinks=True)
    seen, not_killed = Seen(), 0
    for moment in row.moments:
        not_killed += not _kill(site, moment, seen)
        seen.look_again(site.serving)
    tried = replace(ended_in_order(site, expected, row.name, seen), times=len(row.moments) - not_killed)
    return tried.with_note(f"{not_killed} had ended before") if not_killed else tried


def _kill(site: Site, moment: Moment, seen: Seen) -> bool:
    """Starts a run and kills it; False when it ended before."""
    before = set(site.output.glob(moment.pattern)) if moment.pattern else set()
    last = time.monotonic()

    def reached(group: int) -> bool:
        nonlocal last
        if moment.pattern:
            is_there = any(each not in before for each in site.output.glob(moment.pattern))
            time.sleep(moment.seconds if is_there else 0)
            return is_there
        if time.monotonic() - last < _LONGEST_DELAY:
            return False
        last = time.monotonic()
        return processor_seconds(group) >= moment.seconds

    return site.start().kill_when(reached, seen, site.serving)
