"""`python -m benchmarks.watch_simulation`: how often the watch is wrong and how soon it is right, into docs/rollout.md.

Every rollout is drawn anew and looked at after every window, by the functions and limits that `serving.watch` decides
by, for all looks at once. The same seed gives the same table.
"""

from __future__ import annotations

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()

import math
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from core.atomic_write import write_text
from serving.watch.betting import Counts, Floats, log_capital_at, paired_differences
from serving.watch.quantities import CALIBRATION, Scale, SlowEnd
from serving.watch.settings import WatchSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "rollout.md"
_BEGIN, _END = "<!-- simulation: begin -->", "<!-- simulation: end -->"
ROLLOUTS = 1_000
SHARE = 0.1
_NEVER = math.inf
_SIGMA = 0.5  # of the logarithm of a latency
_BETA = (2.0, 5.0)  # the scores of a model that is seldom sure


@dataclass(frozen=True)
class Scenario:
    """What a canary does otherwise than the stable version, and how much traffic there is."""

    name: str
    stable_failures: float = 0.005
    canary_failures: float = 0.005
    shift: float = 0.0
    """Of the canary's scores, in standard deviations."""
    slowed: float = 0.0
    """This share of the canary's answers, the slowest, takes twice as long."""
    window: int = 500
    """Requests to both versions between two looks."""
    requests: int = 20_000
    """Requests to both versions, at most."""


@dataclass(frozen=True)
class Outcome:
    """How many requests the canary had answered when a decision was first possible; infinite for never."""

    failed_at: float
    passed_at: float


@dataclass(frozen=True)
class Drawn:
    """The values of one quantity, of all windows in turn, and where the looks are."""

    canary: Floats
    canary_counts: Counts
    stable: Floats
    stable_counts: Counts


NO_HARM = [
    Scenario(f"{100 * rate:g} % of requests fail", stable_failures=rate, canary_failures=rate, window=window)
    for rate in (0.0, 0.005, 0.02, 0.2)
    for window in (100, 1_000, 5_000)
]
# The worst that is still no harm: the bound on false rollbacks must hold here too.
NO_HARM += [Scenario("worse by the margin: 1 % against 0.5 % fail", canary_failures=0.01, window=100)]
HARM = [
    Scenario("failures: 2 % against 0.5 %", canary_failures=0.02, requests=60_000),
    Scenario("failures: 5 % against 0.5 %", canary_failures=0.05),
    Scenario("mean score shifted by 0.2 sd", shift=0.2, requests=60_000),
    Scenario("mean score shifted by 0.5 sd", shift=0.5),
    Scenario("p99 doubled: every answer takes twice as long", slowed=1.0),
    Scenario("p99 doubled: the slowest 5 % take twice as long", slowed=0.05),
    Scenario("p99 doubled: the slowest 2 % take twice as long", slowed=0.02, requests=100_000),
]
PASSES = [
    Scenario("nothing fails", stable_failures=0.0, canary_failures=0.0, requests=60_000),
    Scenario("0.5 % of requests fail", requests=60_000),
    Scenario("2 % of requests fail", stable_failures=0.02, canary_failures=0.02, requests=120_000),
]


def simulate(scenario: Scenario, rollouts: int, settings: WatchSettings) -> list[Outcome]:
    """The outcome of each of the rollouts; the scenario is their seed."""
    seed = zlib.crc32(repr(scenario).encode())
    return [_outcome(scenario, np.random.default_rng([seed, number]), settings) for number in range(rollouts)]


def main() -> None:
    """Run every scenario and write the table."""
    settings, blocks = WatchSettings(), []
    blocks.append(_table(_NO_HARM_HEAD, NO_HARM, _no_harm_row, settings))
    blocks.append(_table(_HARM_HEAD, HARM, _harm_row, settings))
    blocks.append(_table(_PASS_HEAD, PASSES, _pass_row, settings))
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    write_text(PAGE, f"{before}{_BEGIN}\n\n" + "\n\n".join(blocks) + f"\n\n{_END}{after}")


_NO_HARM_HEAD = ("no difference", "requests a window", "looks", "rolled back", "passed", "undecided")
_HARM_HEAD = ("harm", "rolled back", "passed", "canary requests, median", "90 %")
_PASS_HEAD = ("no difference", "passed", "canary requests, median", "90 %")


def _table(
    head: Sequence[str],
    scenarios: Sequence[Scenario],
    row: Callable[[Scenario, Sequence[Outcome]], Sequence[str]],
    settings: WatchSettings,
) -> str:
    rows = []
    for scenario in scenarios:
        rows.append(row(scenario, simulate(scenario, ROLLOUTS, settings)))
        print(" · ".join(rows[-1]), file=sys.stderr)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def _no_harm_row(scenario: Scenario, outcomes: Sequence[Outcome]) -> Sequence[str]:
    failed, passed = _shares(outcomes)
    looks = scenario.requests // scenario.window
    shares = (_percent(failed), _percent(passed), _percent(1 - failed - passed))
    return (scenario.name, f"{scenario.window:,}", f"{looks}", *shares)


def _harm_row(scenario: Scenario, outcomes: Sequence[Outcome]) -> Sequence[str]:
    return (scenario.name, *map(_percent, _shares(outcomes)), *_quantiles([each.failed_at for each in outcomes]))


def _pass_row(scenario: Scenario, outcomes: Sequence[Outcome]) -> Sequence[str]:
    passed = [each.passed_at if each.passed_at < each.failed_at else _NEVER for each in outcomes]
    return (scenario.name, _percent(_shares(outcomes)[1]), *_quantiles(passed))


def _shares(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """Of rollouts that are rolled back, and of those that pass: whatever comes first."""
    failed = sum(each.failed_at <= each.passed_at and each.failed_at < _NEVER for each in outcomes)
    passed = sum(each.passed_at < each.failed_at for each in outcomes)
    return failed / len(outcomes), passed / len(outcomes)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _quantiles(requests: Sequence[float]) -> Iterator[str]:
    for quantile in np.quantile(requests, [0.5, 0.9], method="higher"):
        yield f"{quantile:,.0f}" if math.isfinite(quantile) else "not reached"


def _outcome(scenario: Scenario, rng: np.random.Generator, settings: WatchSettings) -> Outcome:
    windows = scenario.requests // scenario.window
    canary_counts = rng.binomial(scenario.window, SHARE, windows)
    stable_counts = scenario.window - canary_counts
    third = settings.false_rollback / 3
    evidence = [
        _judged(each, margin, alpha, settings.false_pass, both_ways)
        for each, margin, alpha, both_ways in (
            (_failures(scenario, rng, canary_counts, stable_counts), settings.failure_margin, third, False),
            (_slow(scenario, rng, canary_counts, stable_counts, settings), settings.slow_margin, third, False),
            (*_scores(scenario, rng, canary_counts, stable_counts, settings), third, True),
        )
    ]
    seen = canary_counts.cumsum()
    harmful = np.any([harm for harm, _ in evidence], axis=0)
    harmless = np.all([safe for _, safe in evidence], axis=0) & (seen >= settings.fewest_requests)
    return Outcome(_first(harmful, seen), _first(harmless, seen))


def _first(true: np.ndarray, seen: Counts) -> float:
    return float(seen[true.argmax()]) if true.any() else _NEVER


def _judged(
    drawn: Drawn, margin: float, alpha: float, pass_alpha: float, both_ways: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Whether harm, and whether no harm, is shown at each look."""
    differences = paired_differences(drawn.canary, drawn.canary_counts, drawn.stable, drawn.stable_counts)
    looks = np.minimum(drawn.canary_counts, drawn.stable_counts).cumsum()
    harm, safe = math.log((2 if both_ways else 1) / alpha), math.log(1 / pass_alpha)
    is_harmful = log_capital_at(differences, margin, looks) > harm
    is_harmless = log_capital_at(-differences, -margin, looks) > safe
    if both_ways:
        is_harmful |= log_capital_at(-differences, margin, looks) > harm
        is_harmless &= log_capital_at(differences, -margin, looks) > safe
    return is_harmful, is_harmless


def _failures(scenario: Scenario, rng: np.random.Generator, canary: Counts, stable: Counts) -> Drawn:
    of_canary = rng.random(canary.sum()) < scenario.canary_failures
    of_stable = rng.random(stable.sum()) < scenario.stable_failures
    return Drawn(of_canary.astype(float), canary, of_stable.astype(float), stable)


def _slow(
    scenario: Scenario, rng: np.random.Generator, canary: Counts, stable: Counts, settings: WatchSettings
) -> Drawn:
    """Latencies are lognormal; whether an answer is slow is known from earlier windows."""
    of_canary, of_stable = (rng.lognormal(0.0, _SIGMA, counts.sum()) for counts in (canary, stable))
    if scenario.slowed:
        of_canary = np.where(stats.norm.cdf(np.log(of_canary) / _SIGMA) > 1 - scenario.slowed, 2 * of_canary, of_canary)
    end, limits = SlowEnd(settings.slowdown), []
    for latencies in np.split(of_stable, stable.cumsum()[:-1]):
        limits.append(end.limit() or math.nan)
        end.learn(latencies)
    known = np.isfinite(limits)
    in_canary, in_stable = np.repeat(limits, canary), np.repeat(limits, stable)
    canary_slow = (of_canary > in_canary)[np.isfinite(in_canary)].astype(float)
    stable_slow = (of_stable > in_stable)[np.isfinite(in_stable)].astype(float)
    return Drawn(canary_slow, canary * known, stable_slow, stable * known)


def _scores(
    scenario: Scenario, rng: np.random.Generator, canary: Counts, stable: Counts, settings: WatchSettings
) -> tuple[Drawn, float]:
    """A score in [0, 1]; the windows that make the scale are not compared."""
    of_canary, of_stable = (rng.beta(*_BETA, counts.sum()) for counts in (canary, stable))
    deviation = math.sqrt(math.prod(_BETA) / (sum(_BETA) ** 2 * (sum(_BETA) + 1)))
    of_canary = np.clip(of_canary + scenario.shift * deviation, 0.0, 1.0)
    first = int(np.searchsorted(stable.cumsum(), CALIBRATION)) + 1
    known = np.arange(len(stable)) >= first
    scale = Scale.of(of_stable[: stable[:first].sum()], settings.prediction_margin)
    canary_scores, stable_scores = of_canary[canary[:first].sum() :], of_stable[stable[:first].sum() :]
    drawn = Drawn(scale.apply(canary_scores), canary * known, scale.apply(stable_scores), stable * known)
    return drawn, scale.margin


if __name__ == "__main__":
    main()
