"""Whether the model stays within its budgets of time and size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gates.model.evidence import ModelEvidence
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement

_SLOW = 0.01  # the part of requests that may be slower than a 99th percentile
_MEGABYTE = 1e6


@check(
    gate=Gate.MODEL,
    group="budgets",
    catches="a model that answers too slowly",
    statistic="99th percentile of the time of a single request, over the budget",
    margin=1.0,
    rule="above the budget, and certainly more than 1 % of requests slower than it (exact binomial test)",
    source="Breck et al. 2017, The ML Test Score; docs/statistics.md, Latency",
    needs=(Need.LATENCY,),
)
def latency(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """The number of slow requests decides, not the slowest: a pause of the machine hits single requests."""
    from scipy import stats

    limit, timed = evidence.budgets.p99_ms, evidence.latency_ms
    if limit is None or timed is None or not len(timed):
        raise NotApplicable("no single requests were timed")
    times = np.nan_to_num(np.asarray(timed, dtype=np.float64), nan=np.inf)  # a request without an answer is slow
    percentile = float(np.quantile(times, 1 - _SLOW, method="higher"))
    slow = int((times > limit * margin).sum())
    yield Measurement(
        subject="single requests",
        statistic="99th percentile over the budget",
        value=percentile / limit,
        n=len(times),
        reason=f"The 99th percentile of {len(times):,} single requests is {percentile:.3g} ms; the budget is "
        f"{limit:g} ms, and {slow:,} were slower.",
        remedy="Make the model smaller, batch requests, or raise the budget in the configuration.",
        p_value=float(stats.binom.sf(slow - 1, len(times), _SLOW)) if slow else 1.0,
    )


@check(
    gate=Gate.MODEL,
    group="budgets",
    catches="an export that is too large",
    statistic="size of the export over the budget",
    margin=1.0,
    rule="above the budget",
    source="Breck et al. 2017, The ML Test Score; the budget is configured",
    needs=(Need.SIZE,),
)
def export_size(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Bytes of all files of the exported model."""
    limit, size = evidence.budgets.size_mb, evidence.export_bytes
    if limit is None or size is None:
        raise NotApplicable("the size of the export was not measured")
    yield Measurement(
        subject="export",
        statistic="size over the budget",
        value=size / _MEGABYTE / limit,
        n=1,
        reason=f"The export has {size / _MEGABYTE:,.3g} MB; the budget is {limit:g} MB.",
        remedy="Cut vocabularies and embeddings, or raise the budget in the configuration.",
    )
