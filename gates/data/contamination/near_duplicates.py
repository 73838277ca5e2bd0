"""Rows that were copied across a split and changed a little: nearer to train than train is to itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gates.data.assignment import row_sample
from gates.data.contamination.nearness import Nearness, nearness_of
from gates.data.evidence import Data, pair_name
from gates.data.units import Unit
from gates.tables.table import Floats
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement

_FEWEST_ROWS = 50
# Quantiles of the stand-ins' similarity: 1 %, and 0.1 % for tables whose honest rows lie close together.
_BARS = (0.01, 0.001)


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="rows copied across the split and changed a little",
    statistic="share of held-out rows nearer to train than the nearest 1 % (0.1 %) of train's own rows are",
    margin=0.01,
    rule="rows of train stand in for held-out ones: more than twice as many held-out rows lie beyond the bar that "
    "these set, by more than 1 % of the rows, exact by the hypergeometric distribution of ranks",
    source="Hernández & Stolfo 1995 (sorted neighbourhood); Lin 1998 (similarity); docs/statistics.md, Nearness",
    needs=(Need.HELD_OUT,),
)
def near_duplicate_rows(data: Data, margin: float) -> Iterator[Measurement]:
    """Whether held-out rows lie nearer to train than train's own rows that stand in for them.

    The similarity of two rows is the information in their agreement, summed over columns, so neither a changed column
    nor a heavy tail hides a copy. Rows of one entity or one time resemble each other within train; that raises the bar
    for a split by entity or time.
    """
    if data.train.rows < _FEWEST_ROWS:
        raise NotApplicable(f"train has fewer than {_FEWEST_ROWS} rows")
    pairs = [pair for pair in data.pairs if pair.train.rows >= _FEWEST_ROWS]
    found = [(pair, *each) for pair in pairs for each in nearness_of(pair).items()]
    found = [each for each in found if len(each[2].held_out) and len(each[2].stand_in)]
    if not found:
        raise NotApplicable("no held-out row is without an equal one in train")
    for pair, split, each in found:
        yield _judge(pair, split, each, margin)


def _judge(data: Data, split: str, found: Nearness, margin: float) -> Measurement:
    p_value, bar, near, natural = min(_beyond(found, part) for part in _BARS)
    rows, stand_ins, base = len(found.held_out), len(found.stand_in), data.train.name
    share, usual = near / rows, natural / stand_ins
    beyond = share - usual > margin and share > 2 * usual
    return Measurement(
        subject=pair_name(data.train, split),
        statistic=f"share of {split} rows nearer to {base} than its own rows, beyond the share of those",
        value=share - usual,
        n=rows,
        p_value=p_value,
        beyond=beyond,
        at_most=Severity.WARN if data.unit(data.held_out[split]) is Unit.TIME else Severity.BLOCK,
        reason=f"{near:,} of {rows:,} {split} rows ({share:.2%}) lie nearer to a row of {base} than {bar:.1%} of "
        f"{base}'s own rows do, of which {natural:,} of {stand_ins:,} ({usual:.2%}) lie as near (equal rows left out).",
        remedy="Look at the rows below; drop rows that were copied and changed, or split by what they have in common "
        "(an entity key, a session, a time)."
        if beyond
        else "Nothing to do.",
        chart=_chart(split, base, found) if beyond else None,
        sample=row_sample(data.held_out[split], found.rows, f"rows of {split} that lie nearest to {base}", found.names)
        if beyond
        else None,
    )


def _beyond(found: Nearness, part: float) -> tuple[float, float, int, int]:
    """p-value, part, held-out rows beyond the bar, stand-ins beyond it.

    The bar is the similarity of one stand-in, so the held-out rows above it precede that stand-in in the common order.
    Their number is hypergeometric when both groups come from one population; Bonferroni over the bars.
    """
    rows, stand_ins = len(found.held_out), len(found.stand_in)
    bar = found.stand_in[min(stand_ins - 1, int(part * stand_ins))]
    near, natural = int((found.held_out > bar).sum()), int((found.stand_in > bar).sum())
    chance = _as_many(near, near + natural, rows, rows + stand_ins)
    return min(1.0, chance * len(_BARS)), part, near, natural


def _as_many(seen: int, drawn: int, marked: int, total: int) -> float:
    """Probability of `seen` marked ones or more among `drawn` of `total`: the hypergeometric tail, summed in logs."""
    from scipy.special import gammaln

    def ways(n: int, k: Floats) -> Floats:
        return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))

    found = np.arange(max(seen, drawn - (total - marked)), min(drawn, marked) + 1, dtype=np.float64)
    logs = ways(marked, found) + ways(total - marked, drawn - found) - ways(total, np.array([float(drawn)]))
    return min(1.0, float(np.exp(logs).sum()))


def _chart(split: str, base: str, found: Nearness) -> Chart:
    together = np.concatenate([found.held_out, found.stand_in])
    edges = np.linspace(together.min(), together.max() + 1e-9, 21)
    labels = tuple(f"{edge:.1f}" for edge in edges[:-1])
    series = {
        split: tuple((np.histogram(found.held_out, edges)[0] / len(found.held_out)).tolist()),
        base: tuple((np.histogram(found.stand_in, edges)[0] / len(found.stand_in)).tolist()),
    }
    return Chart(f"share of rows by similarity to the nearest row of {base} (nats)", labels, series)
