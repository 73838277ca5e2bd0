"""Reads TFDV's anomalies as findings: what is wrong, how sure that is at this sample size, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from scipy import stats
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from gates.finding import Finding, Severity
from gates.proposed_schema import SERVING

Reason: TypeAlias = anomalies_pb2.AnomalyInfo.Reason

SCHEMA_CHECKS = (
    "schema_missing_column",
    "schema_new_column",
    "schema_type",
    "schema_domain",
    "schema_presence",
    "schema_value_count",
    "schema_other",
)
COMPARATOR_CHECK = "comparator_type"

# A breach that clean sampling explains at least this often is told, not judged.
CERTAINTY = 0.001

REMEDIES = {
    "schema_missing_column": "Restore the column at its source, or take it out of the schema.",
    "schema_new_column": "Add the column to the schema (decide whether serving has it), or drop it at its source.",
    "schema_type": "Mend the type at its source, or set data.column_types for this column.",
    "schema_domain": "If the new values are real, add them to the domain in the schema; else mend the source.",
    "schema_presence": "Find out why values are missing; if that is right, lower presence.min_fraction in the schema.",
    "schema_value_count": "One value a row is expected: mend the source, or change value_count in the schema.",
    "schema_other": "Compare the column with its entry in the schema and mend whichever is wrong.",
    "skew_comparator": "Compare how serving and training fill this column; retrain on what serving sees, or mend it.",
    "drift_comparator": "Look at what changed since the previous span; if it is real, raise the threshold for it.",
    COMPARATOR_CHECK: "Take the comparator out of the schema; for numbers use jensen_shannon_divergence.",
}
COMPARATORS = {"skew_comparator": "serving", "drift_comparator": "the previous span"}
TEXT_ONLY = ("infinity_norm", "normalized_abs_difference")
MEASURES = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "L-infinity distance",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen-Shannon divergence",
    anomalies_pb2.DriftSkewInfo.Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalised absolute difference",
}


@dataclass(frozen=True)
class Validated:
    """One data set and what TFDV holds against it."""

    dataset: str  # "train", "serving"
    environment: str
    statistics: statistics_pb2.DatasetFeatureStatistics
    anomalies: anomalies_pb2.Anomalies

    @property
    def rows(self) -> int:
        """Rows of the data set."""
        return int(self.statistics.num_examples)

    def feature(self, name: str) -> statistics_pb2.FeatureNameStatistics | None:
        """The statistics of one column."""
        return next((feature for feature in self.statistics.features if _name(feature) == name), None)


def schema_findings(seen: Validated, schema: schema_pb2.Schema) -> Iterator[Finding]:
    """One finding for each reason TFDV gives, comparators apart."""
    if seen.anomalies.data_missing or seen.rows == 0:
        yield _finding("schema_other", seen, "rows", f"{seen.dataset} has no rows.", value=0.0, threshold=1.0)
        return
    by_name = {feature.name: feature for feature in schema.feature}
    for path, info in sorted(seen.anomalies.anomaly_info.items()):
        for reason in info.reason:
            if _is_comparator(reason):
                continue
            yield _schema_finding(seen, path, info, reason, by_name.get(path), schema)


def comparator_findings(
    check: str, seen: Validated, schema: schema_pb2.Schema, other: statistics_pb2.DatasetFeatureStatistics
) -> Iterator[Finding]:
    """What one kind of comparator (`skew_comparator`, `drift_comparator`) measured beyond its threshold."""
    names = set(features_with(check, schema))
    present = {_name(feature) for feature in other.features}
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
    column = finding.subject.rpartition(": ")[2]
    if finding.severity is not Severity.BLOCK or column not in tolerated:
        return finding
    reason = f"{finding.reason} Tolerated: {tolerated[column]}"
    return replace(finding, severity=Severity.WARN, reason=reason)


def _name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    return ".".join(feature.path.step) or str(feature.name)


def _type_name(reason: Reason) -> str:
    return str(anomalies_pb2.AnomalyInfo.Type.Name(reason.type))


def _is_comparator(reason: Reason) -> bool:
    return _type_name(reason).startswith("COMPARATOR_") and "NUM_EXAMPLES" not in _type_name(reason)


def check_of(type_name: str) -> str:
    """Which of our checks an anomaly type of TFDV belongs to."""
    if type_name in ("SCHEMA_MISSING_COLUMN", "SCHEMA_NEW_COLUMN"):
        return type_name.lower()
    if type_name.startswith("FEATURE_TYPE_") and "PRESENT" in type_name:
        return "schema_presence"
    if type_name.endswith(("NUMBER_VALUES", "NO_VALUES", "UNEXPECTED_REPEATED", "NESTEDNESS_MISMATCH")):
        return "schema_value_count"
    if type_name in ("UNEXPECTED_DATA_TYPE", "STRING_TYPE_NOW_FLOAT", "STRING_TYPE_NOW_INT") or "_NOT_" in type_name:
        return "schema_type"
    if type_name.startswith(("ENUM_TYPE_", "BOOL_TYPE_", "INT_TYPE_", "FLOAT_TYPE_")):
        return "schema_domain"
    return "schema_other"


def _schema_finding(
    seen: Validated,
    path: str,
    info: anomalies_pb2.AnomalyInfo,
    reason: Reason,
    feature: schema_pb2.Feature | None,
    schema: schema_pb2.Schema,
) -> Finding:
    check = check_of(_type_name(reason))
    text = f"{path}: {reason.description.rstrip('.')}."
    severity = Severity.WARN if info.severity == anomalies_pb2.AnomalyInfo.WARNING else Severity.BLOCK
    subject = path or "all columns"
    if check == "schema_missing_column":
        text = f"{subject} is in the schema for {seen.environment} but not in {seen.dataset}."
    elif check == "schema_new_column" and feature is not None:
        # The schema knows it: a log of serving that also holds the outcome harms nobody.
        text = f"{subject} is in {seen.dataset} although the schema keeps it out of {seen.environment}; it is ignored."
        severity = Severity.INFO
    elif check == "schema_new_column":
        text = f"{subject} is in {seen.dataset} but the schema does not know it."
    finding = _finding(check, seen, subject, text, statistic=_type_name(reason).lower(), severity=severity)
    statistics = seen.feature(path)
    if feature is None or statistics is None:
        return finding
    if check == "schema_presence":
        return _sized_by_presence(finding, seen, feature, statistics)
    if _type_name(reason) == "ENUM_TYPE_UNEXPECTED_STRING_VALUES":
        return _sized_by_domain(finding, seen, feature, statistics, schema)
    return finding


def _sized_by_presence(
    finding: Finding,
    seen: Validated,
    feature: schema_pb2.Feature,
    statistics: statistics_pb2.FeatureNameStatistics,
) -> Finding:
    missing = seen.rows - int(getattr(statistics, statistics.WhichOneof("stats")).common_stats.num_non_missing)
    allowed = 1 - feature.presence.min_fraction if feature.presence.min_fraction else 1.0
    what = f"{feature.name} is missing in {missing:,} of {seen.rows:,} rows of {seen.dataset}"
    sized = _sized(finding, missing, seen.rows, allowed, what)
    return replace(sized, statistic="share of rows without a value")


def _sized_by_domain(
    finding: Finding,
    seen: Validated,
    feature: schema_pb2.Feature,
    statistics: statistics_pb2.FeatureNameStatistics,
    schema: schema_pb2.Schema,
) -> Finding:
    domains = {domain.name: set(domain.value) for domain in schema.string_domain}
    known = domains.get(feature.domain) or set(feature.string_domain.value)
    counts = {bucket.label: int(bucket.sample_count) for bucket in statistics.string_stats.rank_histogram.buckets}
    unknown = {label: count for label, count in counts.items() if label not in known}
    if not unknown:
        return finding
    constraint = feature.distribution_constraints
    allowed = 1 - constraint.min_domain_mass if feature.HasField("distribution_constraints") else 0.0
    named = ", ".join(repr(label) for label in list(unknown)[:3]) + (" and others" if len(unknown) > 3 else "")
    outside, rows = sum(unknown.values()), sum(counts.values())
    what = (
        f"{feature.name} has values unknown to the schema ({named}) in {outside:,} of {rows:,} rows of {seen.dataset}"
    )
    return replace(_sized(finding, outside, rows, allowed, what), statistic="share of rows outside the domain")


def _sized(finding: Finding, hits: int, rows: int, allowed: float, what: str) -> Finding:
    """The finding with its figures; a breach that chance explains at this number of rows only informs."""
    p_value = float(stats.binom.sf(hits - 1, rows, allowed)) if allowed > 0 else 0.0
    told = f"{what} ({hits / max(rows, 1):.2%}; the schema allows {allowed:.2%})."
    figures = replace(finding, value=hits / max(rows, 1), threshold=allowed, n=rows, p_value=p_value, reason=told)
    if p_value <= CERTAINTY:
        return figures
    told += f" So few rows do so by chance once in {1 / p_value:,.0f} times, so this does not refuse."
    return replace(figures, severity=Severity.INFO, reason=told)


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
    severity: Severity = Severity.BLOCK,
) -> Finding:
    return Finding(
        check=check,
        subject=f"{seen.dataset}: {column}",
        statistic=statistic,
        value=value,
        threshold=threshold,
        n=seen.rows,
        severity=severity,
        reason=reason,
        remedy=REMEDIES[check],
    )
