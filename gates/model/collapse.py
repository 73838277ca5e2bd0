"""Whether the predictions favour one class."""

from __future__ import annotations

import numpy as np

from gates.model.certainty import mean_above_p
from gates.model.evidence import ModelEvidence, Predicted
from gates.verdict.finding import Chart
from gates.verdict.measurement import Measurement

_MOST_BARS = 40


def collapse_of(evidence: ModelEvidence, split: str, predicted: Predicted) -> Measurement:
    """The class with the most probability beyond its share of the labels and beyond an equal share."""
    count = predicted.classes
    true = np.bincount(predicted.labels, minlength=count) / predicted.rows
    mean = predicted.scores.mean(axis=0)
    code = int((mean - np.maximum(true, 1 / count)).argmax())
    own = predicted.scores[:, code]
    beyond = (own - (predicted.labels == code), own - 1 / count)
    name = evidence.class_name(code)
    shown = np.sort(np.argsort(-(true + mean), kind="stable")[:_MOST_BARS])
    answers = float((predicted.answers == code).mean())
    return Measurement(
        subject=split,
        statistic="predicted share of one class beyond its own and an equal one",
        value=float(mean[code] - max(true[code], 1 / count)),
        n=predicted.rows,
        reason=f"{name} has {mean[code]:.1%} of the predicted probability on {split} and {answers:.1%} of the answers; "
        f"{true[code]:.1%} of the {predicted.rows:,} labels are {name}.",
        remedy=f"Look at rows that are taken for {name}: their inputs may be in another scale, or out of range.",
        p_value=min(1.0, count * max(mean_above_p(values, predicted.groups) for values in beyond)),
        chart=Chart(
            f"share by class on {split}",
            tuple(evidence.class_name(int(each)) for each in shown),
            {"labels": tuple(true[shown].tolist()), "predicted": tuple(mean[shown].tolist())},
            name,
        ),
    )
