"""Converts TFDV's anomalies into findings: the fault, its certainty at this sample size, and the next step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from gates.schema.anomaly_reasons import Validated, breaches_in, name_of
from gates.schema.breaches import Breach, merged, number
from gates.schema.comparators import TEXT_ONLY
from gates.schema.proposal import SERVING
from gates.verdict.finding import Finding, Severity
from gates.verdict.rule import waived
from gates.verdict.settings import Tolerance, Waiver

COMPARATOR_CHECK = "comparator_type"
LABEL_CHECK = "label_values"
REMEDIES = {
    "skew_comparator": "Compare how serving and training fill this column; retrain on what serving sees, or mend it.",
    "drift_comparator": "Look at what changed since the previous span; if it is real, raise the threshold for it.",
    COMPARATOR_CHECK: "Take the comparator out of the schema; for numbers use jensen_shannon_divergence.",
    LABEL_CHECK: "Make it 0 or 1, e.g. with data.label_expression, or list its classes in data.class_names.",
}
SEVERAL_CLASSES_REMEDY = "Mend these labels, or name a class for each of them in data.class_names."
COMPARATORS = {"skew_comparator": "the serving log", "drift_comparator": "the previous span"}
MEASURES = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "L-infinity distance",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen-Shannon divergence",
    anomalies_pb2.DriftSkewInfo.Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalised absolute difference",
}
FIELDS = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "infinity_norm",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "jensen_shannon_divergence",
    anomalies_pb2.DriftSkewInfo.Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalized_abs_difference",
}


def schema_findings(
    seen: Sequence[Validated], schema: schema_pb2.Schema, train: Validated, computed: Mapping[str, Iterable[str]]
) -> list[Finding]:
    """One finding for each column and fault, without comparators, over all of `seen` together.

    `computed`: columns that ingest computes from others (the label). A computed column that is missing because its
    sources cannot be read is no second fault.
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
    """Findings of one kind of comparator (`skew_comparator`, `drift_comparator`): measures beyond their threshold, and
    measures that could not be computed."""
    names = set(features_with(check, schema))
    present = {name_of(feature) for feature in other.features}
    for missing in sorted(names - present):
        reason = f"{missing} has a {check} but {COMPARATORS[check]} does not have the column: nothing to compare."
        yield _finding(check, seen, missing, reason, statistic="column present", value=0.0, threshold=1.0)
    for feature in schema.feature:
        if feature.name not in names & present:
            continue
        taken = _measurements(check, seen, feature.name)
        for measurement in taken:
            if measurement.value > measurement.threshold:
                yield _comparator_finding(check, seen, feature.name, measurement, int(other.num_examples))
        measured = {FIELDS.get(each.type) for each in taken if not math.isnan(each.value)}
        for measure in _measures_of(feature, check):
            if measure not in measured and not _is_misapplied(seen, feature.name, measure):
                reason = (
                    f"{feature.name} has a {check} with {measure}, but TFDV could not measure {seen.dataset} "
                    f"({seen.rows:,} rows) against {COMPARATORS[check]} ({int(other.num_examples):,} rows)."
                )
                yield _finding(check, seen, feature.name, reason, statistic=measure, value=math.nan)


def _measurements(check: str, seen: Validated, name: str) -> list[anomalies_pb2.DriftSkewInfo.Measurement]:
    return [
        measurement
        for info in seen.anomalies.drift_skew_info
        if ".".join(info.path.step) == name
        for measurement in (info.skew_measurements if check == "skew_comparator" else info.drift_measurements)
    ]


def _measures_of(feature: schema_pb2.Feature, check: str) -> list[str]:
    return [measure for measure in FIELDS.values() if getattr(feature, check).HasField(measure)]


def _is_misapplied(seen: Validated, name: str, measure: str) -> bool:
    statistics = seen.feature(name)
    return measure in TEXT_ONLY and statistics is not None and statistics.WhichOneof("stats") != "string_stats"


def label_findings(label: str, seen: Sequence[Validated], classes: int = 2) -> Iterator[Finding]:
    """Labels outside the classes 0, 1, … that training learns. A label without values is another fault."""
    learns = "labels of 0 and 1" if classes == 2 else f"the {classes} classes 0 to {classes - 1}"
    last = classes - 1
    lowest, highest = math.inf, -math.inf
    for data in seen:
        column = data.feature(label)
        if column is None or data.missing(label) == data.rows:
            continue
        if column.WhichOneof("stats") != "num_stats":
            reason = f"`{label}` does not hold numbers in {data.dataset}; Sluice learns {learns}."
            yield _finding(LABEL_CHECK, data, label, reason, statistic="numeric", value=0.0, threshold=1.0)
            return
        lowest, highest = min(lowest, column.num_stats.min), max(highest, column.num_stats.max)
    if lowest < 0 or highest > last:
        reason = f"`{label}` holds values from {number(lowest)} to {number(highest)}; Sluice learns {learns}."
        above = ("largest value", highest, float(last))
        statistic, value, limit = above if highest > last else ("smallest value", lowest, 0.0)
        finding = _finding(LABEL_CHECK, seen[0], label, reason, statistic=statistic, value=value, threshold=limit)
        remedy = REMEDIES[LABEL_CHECK] if classes == 2 else SEVERAL_CLASSES_REMEDY
        yield replace(finding, n=sum(data.rows for data in seen), remedy=remedy)


def misapplied_comparators(seen: Validated, schema: schema_pb2.Schema) -> Iterator[Finding]:
    """Comparators that TFDV silently never evaluates, because they need strings and the column holds numbers."""
    for check in COMPARATORS:
        for feature in schema.feature:
            for measure in _measures_of(feature, check):
                if _is_misapplied(seen, feature.name, measure):
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


def tolerate(finding: Finding, tolerated: Mapping[str, str | Tolerance], today: date, strict: bool = False) -> Finding:
    """A blocking finding on a tolerated column becomes a warning that carries the reason for tolerating it, until the
    last day. Under strict a reason without a last day is none."""
    if finding.severity is not Severity.BLOCK or finding.subject not in tolerated:
        return finding
    given = tolerated[finding.subject]
    if isinstance(given, Tolerance):
        return waived(finding, Waiver(reason=given.reason, expires=given.expires), today)
    if strict:
        reason = f"{finding.reason} It is tolerated ({given}) without a last day, which does not count under strict."
        return replace(finding, reason=reason, remedy=f"{finding.remedy} Or {_last_day_of(finding.subject)}")
    return replace(finding, severity=Severity.WARN, reason=f"{finding.reason} Tolerated: {given}")


def _last_day_of(column: str) -> str:
    return f"give `validator.tolerated.{column}` a `reason` and the day on which it `expires`."


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
