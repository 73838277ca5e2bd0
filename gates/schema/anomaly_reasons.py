"""Measures each reason of a TFDV anomaly by the statistics that TFDV judged. Works on tensorflow_metadata protos
alone."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from gates.schema.breaches import Breach, number
from gates.verdict.finding import Severity

Column: TypeAlias = statistics_pb2.FeatureNameStatistics
Reason: TypeAlias = anomalies_pb2.AnomalyInfo.Reason

SCHEMA_CHECKS = (
    "schema_missing_column",
    "schema_new_column",
    "schema_type",
    "schema_domain",
    "schema_presence",
    "schema_value_count",
    "schema_shape",
    "schema_other",
)
ALL_COLUMNS = "all columns"
_HELD = {Column.INT: "whole numbers", Column.FLOAT: "decimal numbers"}
_EXPECTED = {schema_pb2.INT: "whole numbers", schema_pb2.FLOAT: "decimal numbers", schema_pb2.BYTES: "text"}


@dataclass(frozen=True)
class Validated:
    """One data set and its TFDV anomalies."""

    dataset: str  # "train", "serving"
    environment: str
    statistics: statistics_pb2.DatasetFeatureStatistics
    anomalies: anomalies_pb2.Anomalies

    @property
    def rows(self) -> int:
        """Rows of the data set."""
        return int(self.statistics.num_examples)

    def feature(self, name: str) -> Column | None:
        """The statistics of one column."""
        return next((feature for feature in self.statistics.features if name_of(feature) == name), None)

    def missing(self, name: str) -> int:
        """Rows without a value in a column; an empty list, which ingest writes for a missing value, counts as
        missing."""
        column = self.feature(name)
        if column is None:
            return self.rows
        common = _common(column)
        filled = common.tot_num_values if common.max_num_values <= 1 else common.num_non_missing
        return self.rows - int(filled)

    def lacks(self, name: str) -> bool:
        """Whether missing values of a column are one of the anomalies."""
        info = self.anomalies.anomaly_info.get(name)
        return info is not None and any(check_of(type_name(reason)) == "schema_presence" for reason in info.reason)


def name_of(feature: Column) -> str:
    """The column's name."""
    return ".".join(feature.path.step) or str(feature.name)


def type_name(reason: Reason) -> str:
    """TFDV's name for this type of anomaly."""
    return str(anomalies_pb2.AnomalyInfo.Type.Name(reason.type))


def check_of(kind: str) -> str:
    """The check that an anomaly type of TFDV belongs to."""
    if kind in ("SCHEMA_MISSING_COLUMN", "SCHEMA_NEW_COLUMN"):
        return kind.lower()
    if kind == "INVALID_FEATURE_SHAPE":
        return "schema_shape"
    if kind.startswith("FEATURE_TYPE_") and "PRESENT" in kind:
        return "schema_presence"
    if kind.endswith(("NUMBER_VALUES", "NO_VALUES", "UNEXPECTED_REPEATED", "NESTEDNESS_MISMATCH")):
        return "schema_value_count"
    if kind in ("UNEXPECTED_DATA_TYPE", "STRING_TYPE_NOW_FLOAT", "STRING_TYPE_NOW_INT") or "_NOT_" in kind:
        return "schema_type"
    if kind.startswith(("ENUM_TYPE_", "BOOL_TYPE_", "INT_TYPE_", "FLOAT_TYPE_")):
        return "schema_domain"
    return "schema_other"


def breaches_in(seen: Validated, schema: schema_pb2.Schema, train: Validated) -> Iterator[Breach]:
    """The breaches of one data set, without comparators."""
    if seen.anomalies.data_missing or seen.rows == 0:
        yield Breach("schema_other", ALL_COLUMNS, seen.dataset, 0, "", statistic="rows", value=0.0, threshold=1.0)
        return
    features = {feature.name: feature for feature in schema.feature}
    for path, info in sorted(seen.anomalies.anomaly_info.items()):
        severity = Severity.WARN if info.severity == anomalies_pb2.AnomalyInfo.WARNING else Severity.BLOCK
        for reason in info.reason:
            if not _is_comparator(reason) and not _is_mere_absence(reason, features.get(path), seen.feature(path)):
                found = _breach(reason, path, seen, features.get(path), schema, train)
                yield found if found.severity is Severity.INFO else replace(found, severity=severity)


def _is_comparator(reason: Reason) -> bool:
    return type_name(reason).startswith("COMPARATOR_") and "NUM_EXAMPLES" not in type_name(reason)


def _is_mere_absence(reason: Reason, feature: schema_pb2.Feature | None, column: Column | None) -> bool:
    """Whether a wrong shape is only a missing value, which TFDV reports as both and another breach covers."""
    if type_name(reason) != "INVALID_FEATURE_SHAPE" or feature is None or column is None:
        return False
    common = _common(column)
    return bool(common.min_num_values == common.max_num_values == _size(feature))


def _size(feature: schema_pb2.Feature) -> int:
    return math.prod(dim.size for dim in feature.shape.dim)


def _breach(
    reason: Reason,
    path: str,
    seen: Validated,
    feature: schema_pb2.Feature | None,
    schema: schema_pb2.Schema,
    train: Validated,
) -> Breach:
    kind = type_name(reason)
    check, column = check_of(kind), seen.feature(path)
    plain = Breach(check, path or ALL_COLUMNS, seen.dataset, seen.rows, "", statistic=kind.lower().replace("_", " "))
    if check == "schema_missing_column":
        return replace(
            plain,
            found="does not exist",
            expected="; the schema expects it",
            statistic="column present",
            value=0.0,
            threshold=1.0,
        )
    if check == "schema_new_column":
        return _new_column(plain, seen, feature)
    measured = None
    if feature is not None and column is not None:
        if check == "schema_type":
            measured = _wrong_type(plain, feature, column)
        elif check == "schema_presence":
            measured = _absence(plain, seen, feature, train)
        elif check == "schema_domain":
            measured = _outside(plain, kind, feature, column, schema)
        elif check == "schema_shape":
            measured = _misshapen(plain, feature, column)
    if measured is not None:
        return measured
    words = re.sub(r"\s*\(upto six significant digits\)", "", reason.description).strip().rstrip(".")
    return replace(plain, found=f"does not fit the schema ({words})")


def _new_column(plain: Breach, seen: Validated, feature: schema_pb2.Feature | None) -> Breach:
    new = replace(plain, found="is", statistic="column known")
    if feature is None:
        return replace(new, expected=", but the schema does not know it", value=0.0, threshold=1.0)
    # The schema has the column: a serving log that also holds the outcome is harmless.
    expected = f" although the schema keeps it out of {seen.environment.lower()}; it is ignored"
    return replace(new, expected=expected, severity=Severity.INFO)


def _misshapen(plain: Breach, feature: schema_pb2.Feature, column: Column) -> Breach:
    common, size = _common(column), _size(feature)
    least, most = int(common.min_num_values), int(common.max_num_values)
    held = f"{least:,}" if least == most else f"from {least:,} to {most:,}"
    shape = " x ".join(str(dim.size) for dim in feature.shape.dim)
    return replace(
        plain,
        found=f"holds {held} values a row",
        statistic="values a row",
        threshold=float(size),
        value=float(least if abs(least - size) > abs(most - size) else most),
        expected=f", where the schema expects {shape} = {size:,}",
    )


def _wrong_type(plain: Breach, feature: schema_pb2.Feature, column: Column) -> Breach:
    held = _HELD.get(column.type, "text")
    examples: tuple[str, ...] = ()
    if held == "text":
        examples = tuple(label for label in _counts(column) if not _is_number(label))
    elif column.num_stats.min < column.num_stats.max:
        held += f" (from {number(column.num_stats.min)} to {number(column.num_stats.max)})"
    expected = f", where the schema expects {_EXPECTED.get(feature.type, 'something else')}"
    return replace(
        plain, found=f"holds {held}", expected=expected, examples=examples, statistic="share of values of another type"
    )


def _absence(plain: Breach, seen: Validated, feature: schema_pb2.Feature, train: Validated) -> Breach:
    missing, wanted = seen.missing(feature.name), feature.presence
    # Rows may lack a value as often as train's rows, where train's gaps are allowed.
    gaps = 0.0 if train.lacks(feature.name) else train.missing(feature.name) / max(train.rows, 1)
    if wanted.min_fraction:
        sized = replace(plain, found="has no value", statistic="share of rows without a value")
        return sized.out_of(missing, seen.rows, 1 - wanted.min_fraction, max(gaps, 1 - wanted.min_fraction))
    judged = plain.out_of(missing, seen.rows, 0.0, gaps)
    filled = seen.rows - missing
    return replace(
        judged,
        hits=None,
        statistic="rows with a value",
        value=filled,
        threshold=wanted.min_count,
        found=f"has {filled:,} values" if filled else "has no value",
        expected=f"; the schema expects at least {wanted.min_count:,}",
    )


def _outside(
    plain: Breach, kind: str, feature: schema_pb2.Feature, column: Column, schema: schema_pb2.Schema
) -> Breach | None:
    if kind == "ENUM_TYPE_UNEXPECTED_STRING_VALUES":
        return _unknown_values(plain, feature, column, schema)
    if kind in ("FLOAT_TYPE_HAS_NAN", "FLOAT_TYPE_HAS_INF"):
        held = "NaN, which is no number," if kind.endswith("NAN") else "infinite values"
        return replace(plain, found=f"holds {held}", expected="; the schema allows none", statistic=held)
    if column.WhichOneof("stats") != "num_stats":
        return None
    far = replace(plain, extreme=True)
    if "SMALL" in kind:
        least = _limit(feature, "min")
        return replace(
            far,
            found="goes down to",
            expected=f"; the schema allows nothing below {number(least)}",
            statistic="smallest value",
            value=column.num_stats.min,
            threshold=least,
        )
    if "BIG" in kind:
        most = _limit(feature, "max")
        return replace(
            far,
            found="goes up to",
            expected=f"; the schema allows at most {number(most)}",
            statistic="largest value",
            value=column.num_stats.max,
            threshold=most,
        )
    return None


def _limit(feature: schema_pb2.Feature, side: str) -> float:
    domain = feature.WhichOneof("domain_info")
    if domain in ("int_domain", "float_domain"):
        return float(getattr(getattr(feature, domain), side))
    return 0.0 if side == "min" else 1.0  # a bool


def _unknown_values(
    plain: Breach, feature: schema_pb2.Feature, column: Column, schema: schema_pb2.Schema
) -> Breach | None:
    domains = {domain.name: set(domain.value) for domain in schema.string_domain}
    known = domains.get(feature.domain) or set(feature.string_domain.value)
    counts = _counts(column)
    unknown = tuple(label for label in counts if label not in known)
    if not unknown:
        return None
    constraint = feature.distribution_constraints
    allowed = 1 - constraint.min_domain_mass if feature.HasField("distribution_constraints") else 0.0
    found = replace(
        plain, found="has values unknown to the schema", examples=unknown, statistic="share of rows outside the domain"
    )
    return found.out_of(sum(counts[label] for label in unknown), sum(counts.values()), allowed)


def _counts(column: Column) -> dict[str, int]:
    buckets = column.string_stats.rank_histogram.buckets
    return {bucket.label: int(bucket.sample_count) for bucket in buckets}


def _common(column: Column) -> statistics_pb2.CommonStatistics:
    return getattr(column, column.WhichOneof("stats")).common_stats


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
