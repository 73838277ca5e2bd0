"""Reads TFDV's anomalies as findings: what is wrong, how sure that is at this sample size, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from gates.breaches import Breach, merged
from gates.finding import Finding, Severity
from gates.proposed_schema import SERVING
from gates.tfdv_reasons import Validated, breaches_in, name_of

COMPARATOR_CHECK = "comparator_type"
REMEDIES = {
    "skew_comparator": "Compare how serving and training fill this column; retrain on what serving sees, or mend it.",
    "drift_comparator": "Look at what changed since the previous span; if it is real, raise the threshold for it.",
    COMPARATOR_CHECK: "Take the comparator out of the schema; for numbers use jensen_shannon_divergence.",
}
COMPARATORS = {"skew_comparator": "the serving log", "drift_comparator": "the previous span"}
TEXT_ONLY = ("infinity_norm", "normalized_abs_difference")
MEASURES = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "L-infinity distance",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen-Shannon divergence",
    anomalies_pb2.DriftSkewInfo.Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalised absolute difference",
}


def schema_findings(
    seen: Sequence[Validated], schema: schema_pb2.Schema, train: Validated, computed: Mapping[str, Iterable[str]]
) -> list[Finding]:
    """One finding for each column and what is wrong with it, comparators apart, told of all of `seen` together.

    `computed`: columns that ingest makes of others (the label). That one is absent because what it is made of cannot
    be read is no second fault.
    """
    breaches: list[Breach] = []
    for data in seen:
        found = list(breaches_in(data, schema, train))
        mistyped = {breach.column for breach in found if breach.check == "schema_type"}
        followed = mistyped | {column for column, sources in computed.items() if mistyped & set(sources)}
        breaches += [each for each in found if each.check == "schema_type" or each.column not in followed]
    return merged(breaches)


def comparator_findings(
    check: str, seen: Validated, schema: schema_pb2.Schema, other: statistics_pb2.DatasetFeatureStatistics
) -> Iterator[Finding]:
    """What one kind of comparator (`skew_comparator`, `drift_comparator`) measured beyond its threshold."""
    names = set(features_with(check, schema))
    present = {name_of(feature) for feature in other.features}
    for missing in sorted(names - present):
        reason = f"{missing} has a {check} but {COMPARATORS[check]} does not have the column: nothing to compare."
        yield _finding(check, seen, missing, reason, statistic="column present", value=0.0, threshold=1.0)
    for info in seen.anomalies.drift_skew_info:
        name = ".".join(info.path.step)
        taken = info.skew_measurements if check == "skew_comparator" else info.drift_measurements
        for measurement in taken:
            if measurement.value > measurement.threshold and name in names & present:
                yield _comparator_finding(check, seen, name, measurement, int(other.num_examples))


def misapplied_comparators(seen: Validated, schema: schema_pb2.Schema) -> Iterator[Finding]:
    """Comparators that TFDV silently never evaluates, because they need strings and the column holds numbers."""
    for check in COMPARATORS:
        for feature in schema.feature:
            statistics = seen.feature(feature.name)
            if statistics is None or statistics.WhichOneof("stats") == "string_stats":
                continue
            for measure in TEXT_ONLY:
                if feature.HasField(check) and getattr(feature, check).HasField(measure):
                    reason = (
                        f"The schema gives {feature.name} a {check} with {measure}, which compares the shares of "
                        f"strings, but {feature.name} holds numbers: TFDV would pass it without looking."
                    )
                    yield _finding(COMPARATOR_CHECK, seen, feature.name, reason, value=0.0, threshold=0.0)


def features_with(check: str, schema: schema_pb2.Schema) -> list[str]:
    """Columns that carry a comparator of this kind; for skew, those that serving has."""
    return [
        feature.name
        for feature in schema.feature
        if feature.HasField(check) and not (check == "skew_comparator" and SERVING in feature.not_in_environment)
    ]


def tolerate(finding: Finding, tolerated: Mapping[str, str]) -> Finding:
    """A blocking finding on a tolerated column becomes a warning that carries the reason for tolerating it."""
    if finding.severity is not Severity.BLOCK or finding.subject not in tolerated:
        return finding
    reason = f"{finding.reason} Tolerated: {tolerated[finding.subject]}"
    return replace(finding, severity=Severity.WARN, reason=reason)


def _comparator_finding(
    check: str,
    seen: Validated,
    name: str,
    measurement: anomalies_pb2.DriftSkewInfo.Measurement,
    other_rows: int,
) -> Finding:
    measure = MEASURES.get(measurement.type, "distance")
    reason = (
        f"{name} in {seen.dataset} ({seen.rows:,} rows) is {measurement.value:.3f} away from {COMPARATORS[check]} "
        f"({other_rows:,} rows) by {measure}, beyond the schema's {measurement.threshold:.3f}."
    )
    return _finding(
        check, seen, name, reason, statistic=measure, value=measurement.value, threshold=measurement.threshold
    )


def _finding(
    check: str,
    seen: Validated,
    column: str,
    reason: str,
    statistic: str = "anomaly",
    value: float = 1.0,
    threshold: float = 0.0,
) -> Finding:
    return Finding(
        check=check,
        subject=column,
        statistic=statistic,
        value=value,
        threshold=threshold,
        n=seen.rows,
        severity=Severity.BLOCK,
        reason=reason,
        remedy=REMEDIES[check],
    )
