"""The Tuner's trials: each one's hyperparameters with its score on eval, as an image and as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from report.coordinates import parallel_coordinates
from report.evidence import TunerTrial
from report.markup import fragment
from report.sections.section import Section

TITLE = "Tuning"
SCORE = "loss on eval"
TRIALS_SHOWN = 50
LINES_SHOWN = 200


def render(trials: Sequence[TunerTrial]) -> Section:
    """The chosen trial first, then by score; stopped and failed trials are shown, too."""
    ranked = sorted(trials, key=_rank)
    scored = [trial for trial in ranked if trial.score is not None and math.isfinite(trial.score)]
    body = fragment(
        "tuning",
        chosen=next((trial for trial in ranked if trial.chosen), None),
        counts={state: sum(trial.state == state for trial in trials) for state in ("completed", "stopped", "failed")},
        seconds=sum(trial.seconds for trial in trials),
        plot=parallel_coordinates(scored[:LINES_SHOWN], SCORE) if len(scored) > 1 else None,
        undrawn=len(scored[LINES_SHOWN:]),
        names=list(dict.fromkeys(name for trial in trials for name in trial.hyperparameters)),
        score=SCORE,
        trials=ranked[:TRIALS_SHOWN],
        hidden_trials=len(ranked[TRIALS_SHOWN:]),
    )
    return Section("tuning", TITLE, body)


def _rank(trial: TunerTrial) -> tuple[bool, bool, float]:
    score = math.inf if trial.score is None or math.isnan(trial.score) else trial.score
    return not trial.chosen, trial.state == "failed", score
