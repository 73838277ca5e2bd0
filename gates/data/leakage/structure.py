"""Checks of columns that are not measurements: identifiers, the order of rows, words, sources, declared moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gates.data.evidence import Data
from gates.data.leakage.bins import MOST_BINS, bins_of_numbers
from gates.data.leakage.features import SINGLE_MARGIN, single_suspects
from gates.data.leakage.identifiers import AUC_OF_ORDER, identifier_advantages
from gates.data.leakage.lead import Rivals, judged, measured
from gates.data.leakage.predictive_power import features_alone, problem_of
from gates.data.leakage.words import strongest_word
from gates.tables.table import ColumnKind
from gates.verdict.catalogue import Gate, Need, NotApplicable, NothingToJudge, check
from gates.verdict.finding import Severity
from gates.verdict.measurement import Measurement

_ORDER_AUC = 0.9
_ORDER_CERTAIN = 1e-6
_MOST_SOURCES, _FEWEST_SOURCES = 62, 3
_IDENTIFIER_REMEDY = (
    "Leave `{0}` out of the features (`prediction.never`): it identifies rows, and serving does not have its order."
)


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="an identifier that was assigned, or sorted, by label",
    statistic="AUC (R2) of an identifier's order, number or prefix alone, out of fold in 64 bins",
    margin=AUC_OF_ORDER,
    rule="AUC > 0.75 where a text or a column named as an identifier has a value for each row; or as single_feature; "
    "Holm-adjusted p <= 0.001",
    source="Kapoor & Narayanan 2023, L2; Rosset et al., Medical data mining (2010): the KDD Cup 2008 patient ids",
    needs=(Need.LABEL,),
)
def identifier(data: Data, margin: float) -> Iterator[Measurement]:
    """Columns with a unique value in each row: the predictive power of their order, number or prefix."""
    advantages = identifier_advantages(data, margin)
    if not advantages:
        raise NotApplicable("no feature has a value of its own for each row")
    statistic = f"{problem_of(data).statistic} of the identifier alone"
    for name, (part, advantage, beyond) in advantages.items():
        words, remedy = f"The {part} of the identifier `{name}` has", _IDENTIFIER_REMEDY.format(name)
        found = measured(data, name, words, advantage, beyond, remedy)
        yield replace(found, statistic=statistic, value=advantage.power)


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="rows stored in the order of their label",
    statistic="AUC (R2) of a row's place in its source",
    margin=_ORDER_AUC,
    rule="a warning beyond 0.90: the order of rows reaches no model, but a split or a batch by place would",
    source="Kapoor & Narayanan 2023, L1",
    needs=(Need.LABEL,),
)
def row_order(data: Data, margin: float) -> Iterator[Measurement]:
    """Yields nothing when there is nothing to warn of: the number of comparisons must not depend on the order of
    rows."""
    problem = problem_of(data)
    power = problem.power_of(bins_of_numbers(data.train.position[problem.rows].astype(np.float64)))
    k = int(power.errors.argmin())
    p_value = problem.p_below(power, k, 1 - margin)
    if power.alone(k) > margin and p_value <= _ORDER_CERTAIN:
        yield Measurement(
            subject="train",
            statistic=f"{problem.statistic} of the place of a row",
            value=power.alone(k),
            n=problem.size,
            reason=f"The rows of train are sorted by label: a row's place alone has {problem.statistic} "
            f"{power.alone(k):.3f} on {problem.size:,} rows.",
            remedy="Nothing to do while rows are assigned to splits by hash and shuffled for training; else shuffle.",
            at_most=Severity.WARN,
        )


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="a word in a free text that reveals the label",
    statistic="share of the errors of all other words and features that one word alone avoids",
    margin=SINGLE_MARGIN,
    rule="a word in >= 30 rows: error < (1 - margin) x that of the next word, of all other words together (naive "
    "Bayes) and of all other features: AUC > 0.75 at least; p <= 0.001 / words",
    source="Kaufman et al. 2012, Leakage in data mining; docs/statistics.md, Share of errors avoided",
    needs=(Need.LABEL,),
)
def token_in_text(data: Data, margin: float) -> Iterator[Measurement]:
    """Texts, and categories of more values than there are bins, word by word on at most 5,000 rows.

    Honest texts have many predictive words; a label that was written into the text is a single word.
    """
    names = _texts(data)
    if not names:
        raise NotApplicable("no feature is a text, nor a category of very many values")
    for name in names:
        strongest = strongest_word(data, name, margin)
        if strongest is None:
            continue
        word, advantage, tried, rows = strongest
        words, beyond = f"Whether `{name}` holds the word `{word}` has", advantage.is_beyond(margin)
        remedy = f"Take the word out of `{name}`, or leave the text out."
        found = measured(data, name, words, advantage, beyond, remedy, charted=f"{name}: {word}", rows=rows)
        yield replace(found, reason=f"{found.reason} The strongest of {tried:,} words.")


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="a feature that is known only after the moment of prediction, or that serving does not have",
    statistic="declared after the prediction, and used",
    margin=0.0,
    rule="any feature that is declared known later, or absent at serving, and is not withheld",
    source="Kapoor & Narayanan 2023, L2; Breck et al., The ML Test Score (2017)",
    tier=1,
)
def known_too_late(data: Data, _margin: float) -> Iterator[Measurement]:
    """The declared moment of each feature, in the configuration and the schema, against the features of the model. A
    withheld name that no column has may be misspelt, and then withholds nothing."""
    declared, judged_any = data.declared, False
    for name in sorted(declared.withheld - declared.absent_by_right - set(data.train.columns) - {data.label}):
        judged_any = True
        yield _withholds_nothing(name)
    late = {name: f"is known only from `{moment}` on" for name, moment in sorted(declared.known_after.items())}
    late |= {
        name: "is absent at serving, by the schema" for name in sorted(declared.not_at_serving) if name not in late
    }
    for name, why in late.items():
        if not data.train.has(name) or name == data.label:
            continue
        used, judged_any = name in data.features, True
        yield Measurement(
            subject=name,
            statistic="declared after the prediction, and used",
            value=float(used),
            n=data.train.rows,
            reason=f"`{name}` {why}, and {'is a feature' if used else 'is no feature'}.",
            remedy=f"Leave `{name}` out of the features (`prediction.never`)." if used else "Nothing to do.",
        )
    if not judged_any:
        raise NothingToJudge("no column of train is declared to be known later (`prediction.known_from`)")


def _withholds_nothing(name: str) -> Measurement:
    return Measurement(
        subject=name,
        statistic="withheld, and no column of train",
        value=float("nan"),
        n=0,
        reason=f"`{name}` is withheld (`prediction`), and train has no such column: a misspelt name withholds nothing.",
        remedy=f"Correct `{name}`, or take it out of `prediction`.",
        p_value=1.0,
    )


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="a source (company, scanner, hospital) that stands for the label",
    statistic="share of the errors of all other features that a category of 3 to 62 values avoids",
    margin=1 / 3,
    rule="a warning: as single_feature with a smaller margin",
    source="Zech et al. 2018; Kapoor & Narayanan 2023, L3.3; docs/statistics.md, Share of errors avoided",
    needs=(Need.LABEL,),
)
def source_proxy(data: Data, margin: float) -> Iterator[Measurement]:
    """A category that predicts much more than the measurements: it may stand for the origin of a row."""
    powers, refused = features_alone(data), single_suspects(data)
    names = [
        name
        for name in data.features_of(ColumnKind.CATEGORY)
        if name not in refused and _FEWEST_SOURCES <= len(data.train.codes(name)[1]) <= _MOST_SOURCES
    ]
    if not names:
        raise NotApplicable("no feature is a category of 3 to 62 values")
    rivals = Rivals.of(powers)
    for name in names:
        members = refused | {name}
        advantage = judged(data, powers[name], members, margin, rivals.without(members))
        remedy = f"Make sure that `{name}` will mean the same where the model is used, or leave it out."
        found = measured(data, name, f"`{name}` alone has", advantage, advantage.is_beyond(margin), remedy)
        yield replace(found, at_most=Severity.WARN)


def _texts(data: Data) -> list[str]:
    refused = single_suspects(data)
    return [
        name
        for name in data.features_of(ColumnKind.TEXT, ColumnKind.CATEGORY)
        if name not in refused
        and (data.train.kinds[name] is ColumnKind.TEXT or len(data.train.codes(name)[1]) > MOST_BINS - 2)
    ]
