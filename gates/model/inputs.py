"""Whether the model's predictions are valid numbers, also for unusual rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.text import listed
from gates.model.differences import first_line
from gates.model.evidence import TRAINING, Combination, ModelEvidence, Predicted, Probe, as_scores
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement


@check(
    gate=Gate.MODEL,
    group="inputs",
    catches="NaN for a missing optional field, an unseen category or an extreme value; a call that fails on them",
    statistic="share of predictions that are no number with the field spoilt",
    margin=0.0,
    rule="any prediction that is not finite, or a failed call",
    source="Breck et al. 2017, The ML Test Score; Polyzotis et al. 2019",
    needs=(Need.PROBES,),
    tier=1,
)
def optional_fields(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Each optional raw field missing, unknown and extreme: every prediction must be finite."""
    for name in dict.fromkeys(probe.field for probe in evidence.probes):
        probes = [probe for probe in evidence.probes if probe.field == name]
        counted = [_spoilt(probe, evidence) for probe in probes]
        spoilt, rows = sum(bad for bad, _ in counted), sum(count for _, count in counted)
        failed = [probe for probe in probes if _failed(probe)]
        cases = [
            f"{probe.case} ({bad:,} of {count:,} rows)"
            for probe, (bad, count) in zip(probes, counted, strict=True)
            if bad
        ]
        yield Measurement(
            subject=name,
            statistic="share of predictions that are no number",
            value=1.0 if failed else spoilt / max(rows, 1),
            n=rows,
            reason=_text(name, probes, failed, cases),
            remedy=f"Give {name} a default in preprocessing_fn and clip what it may be; then train and export again.",
            looked_at=evidence.probes_looked_at,
        )


@check(
    gate=Gate.MODEL,
    group="inputs",
    catches="NaN where two or more optional fields are missing in one row, though each alone may be",
    statistic="share of rows without several optional fields whose prediction is no number",
    margin=0.0,
    rule="any prediction that is not finite, or a failed call; rows that lack a field that may not be missing alone "
    "are left to optional_fields",
    source="Kuhn et al. 2004, Software Fault Interactions (most failures need at most two conditions)",
    needs=(Need.COMBINATIONS,),
    tier=1,
)
def missing_together(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Every pair of optional fields, half of the fields by chance, and all of them, through each signature."""
    alone = {
        probe.field
        for probe in evidence.probes
        if probe.case.startswith("missing") and (_failed(probe) or _spoilt(probe, evidence)[0])
    }
    spoilt: dict[tuple[str, ...], str] = {}
    failed = [each for each in evidence.combinations if each.error or each.scores is None]
    rows = 0
    for each in evidence.combinations:
        if each in failed:
            continue
        rows += len(each.lacking)
        spoilt |= {fields: each.way for fields in _not_finite(each, evidence) if not alone & set(fields)}
    if failed and not alone:
        why = first_line(failed[0].error) or "it gave no answer"
        text = f"With several optional fields missing {failed[0].way} the call fails: {why}.".replace("  ", " ")
        yield _together("optional fields", 1.0, rows, text, "them")
        return
    smallest = min(spoilt, key=len, default=())
    names = listed([f"`{name}`" for name in smallest])
    if spoilt:
        more = f" {len(spoilt):,} sets of fields in all." if len(spoilt) > 1 else ""
        text = f"The prediction is no number where {names} are missing together.{more}"
        yield _together(listed(list(smallest)), len(spoilt) / max(rows, 1), rows, text, names)
    else:
        text = f"Every prediction is a number for {rows:,} rows that lack two or more optional fields."
        yield _together("optional fields", 0.0, rows, text, "them")


def _together(subject: str, value: float, rows: int, text: str, names: str) -> Measurement:
    return Measurement(
        subject=subject,
        statistic="share of predictions that are no number",
        value=value,
        n=rows,
        reason=text,
        remedy=f"Give {names} a default in preprocessing_fn before one is divided by or joined with another; then "
        "train and export again.",
    )


def _not_finite(given: Combination, evidence: ModelEvidence) -> list[tuple[str, ...]]:
    """The fields that those rows lack whose prediction is no number."""
    finite = np.isfinite(as_scores(given.scores, evidence.is_regression))
    rows = finite if finite.ndim == 1 else finite.all(axis=1)
    return [given.lacking[row] for row in np.flatnonzero(~rows).tolist()]


def _text(name: str, probes: Sequence[Probe], failed: Sequence[Probe], cases: Sequence[str]) -> str:
    if failed:
        why = first_line(failed[0].error) or "it gave no answer"
        return f"With {name} {failed[0].case} the call fails: {why}."
    if cases:
        return f"Predictions are no numbers with {name} {' and '.join(cases)}."
    return f"Every prediction is a number with {name} {', '.join(probe.case for probe in probes)}."


def _failed(probe: Probe) -> bool:
    return bool(probe.error) or probe.scores is None


def _spoilt(probe: Probe, evidence: ModelEvidence) -> tuple[int, int]:
    """The number of rows that are not finite, and of all rows."""
    if _failed(probe):
        return 0, 0
    scores = as_scores(probe.scores, evidence.is_regression)
    finite = np.isfinite(scores)
    rows = finite if finite.ndim == 1 else np.asarray(finite.all(axis=1))
    return int((~rows).sum()), len(rows)


@check(
    gate=Gate.MODEL,
    group="inputs",
    catches="predictions that are no numbers, or logits where probabilities are expected",
    statistic="share of predictions that are not finite, outside 0 to 1, or do not add up to 1",
    margin=0.0,
    rule="any",
    source="Breck et al. 2017, The ML Test Score",
    tier=1,
)
def valid_scores(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Every prediction of a split must be a probability (of a regression: a number). A hundredth of rounding is
    allowed, because softmax in half precision needs it. The other checks leave out rows that fail this one."""
    given = {"train": evidence.train, "eval": evidence.eval, "test": evidence.test, TRAINING: _replayed(evidence)}
    judged = {name: predicted for name, predicted in given.items() if predicted is not None and predicted.rows}
    if not judged:
        raise NotApplicable("the model's predictions were not given")
    for name, predicted in judged.items():
        bad = np.flatnonzero(~predicted.valid)
        kind = "numbers" if predicted.is_regression else "probabilities"
        text = f"All {predicted.rows:,} predictions on {name} are {kind}."
        if len(bad):
            first = ", ".join(f"{value:.4g}" for value in np.atleast_1d(predicted.scores[bad[0]])[:10])
            text = f"{len(bad):,} of {predicted.rows:,} predictions on {name} are no {kind}; the first is ({first})."
        yield Measurement(
            subject=name,
            statistic="share of predictions that are none",
            value=len(bad) / predicted.rows,
            n=predicted.rows,
            reason=text,
            remedy="Look for missing values that preprocessing_fn lets through, for a diverged training, or for an "
            "output layer without its softmax or sigmoid.",
        )


def _replayed(evidence: ModelEvidence) -> Predicted | None:
    """The replayed rows of training, which no split may hold."""
    training = next((each for each in evidence.replays if each.name == TRAINING and each.scores is not None), None)
    if training is None or training.error:
        return None
    scores = as_scores(training.scores, evidence.is_regression)
    return Predicted.of(np.zeros(len(scores)), scores, evidence.is_regression)
