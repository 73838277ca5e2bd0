"""kill -9 of the whole process group at moments that a seed draws, then the same command again."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.interruptions.site import Seen, Site, State, processor_seconds
from benchmarks.interruptions.tried import Tried, ended_in_order

# Right when one of these appears in the output folder.
_EVENTS = (
    "taxi/.lock-holder",
    "taxi/metadata.sqlite-journal",
    "taxi/artifacts/ExampleGen/examples/*/Split-train/*",
    "taxi/artifacts/Transform/transform_graph/*/*",
    "taxi/artifacts/Trainer/model/*/*",
    "taxi/artifacts/Evaluator/blessing/*/*",
    "taxi/artifacts/ModelGate/report/*/*",
    "registry/taxi/.incoming-*/*",
    "registry/taxi/1.0.0",
    "registry/taxi/index.json",
    "serving/taxi/.incoming-*",
    "serving/taxi/[0-9]*",
    "serving/taxi/.newest/*",
    "taxi/*/run.json",
)


@dataclass(frozen=True)
class Moment:
    """When to kill."""

    name: str
    reached: Callable[[int], bool]


def moments(site: Site, count: int, seconds: float, seed: int) -> Iterator[Moment]:
    """`count` of them: as many as there are at events, in an order that the seed draws, with a delay of up to 50 ms
    that it draws, too; every other one at a share of the processor time that an undisturbed run needs, `seconds`."""
    rng = random.Random(seed)
    events = rng.sample(_EVENTS, len(_EVENTS))
    for place in range(count):
        if place % 2 and events:
            yield _at_event(site, events.pop(), rng.choice((0.0, 0.0, rng.uniform(0, 0.05))))
        else:
            yield _at_share(rng.random(), seconds)


def _at_share(share: float, seconds: float) -> Moment:
    last = [0.0]

    def reached(group: int) -> bool:
        if time.monotonic() - last[0] < 0.05:
            return False
        last[0] = time.monotonic()
        return processor_seconds(group) >= share * seconds

    return Moment(f"at {share:.0%} of its processor time", reached)


def _at_event(site: Site, pattern: str, delay: float) -> Moment:
    def reached(_: int) -> bool:
        if not any(site.output.glob(pattern)):
            return False
        time.sleep(delay)
        return True

    after = f", {delay * 1000:.0f} ms later" if delay else ""
    return Moment(f"when `{pattern}` appears{after}", reached)


def killed(site: Site, moment: Moment, expected: State) -> Tried:
    """Kills a run in an empty output folder, looks at what a server would find, and runs the same command again."""
    shutil.rmtree(site.output, ignore_errors=True)
    seen = Seen()
    started = site.start()
    was_killed = started.kill_when(moment.reached, seen, site.serving)
    seen.look_again(site.serving)
    tried = ended_in_order(site, expected, moment.name, seen)
    return tried if was_killed else tried.with_note("it had ended before")
