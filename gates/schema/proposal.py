"""Widens a schema inferred from train until clean rows of the same source satisfy it. Works on tensorflow_metadata
protos alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from scipy import stats
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from gates.tables.times import holds_periods

TRAINING = "TRAINING"
SERVING = "SERVING"
CONFIDENCE = 0.999

# Past this share of values never seen in train a column is no closed set but free text or an identifier.
OPEN_DOMAIN_MASS = 0.05

# A 0/1 column whose rarer value has fewer rows than this may hold a third value.
BOOLEAN_SUPPORT = 10


def propose_schema(
    inferred: schema_pb2.Schema,
    train: statistics_pb2.DatasetFeatureStatistics,
    label: str,
    withheld: Collection[str],
    smallest_split: int,
) -> schema_pb2.Schema:
    """`inferred` with environments (serving has neither label nor withheld) and with limits that a clean split of
    `smallest_split` rows keeps."""
    schema = schema_pb2.Schema()
    schema.CopyFrom(inferred)
    schema.default_environment[:] = [TRAINING, SERVING]
    by_name = {feature.path.step[0]: feature for feature in train.features}
    for feature in schema.feature:
        if feature.name == label or feature.name in withheld:
            feature.not_in_environment.append(SERVING)
        if feature.name != label:
            _relax_presence(feature, by_name[feature.name], train.num_examples, smallest_split)
            _relax_bool(feature, by_name[feature.name])
            _relax_domain(schema, feature, by_name[feature.name], smallest_split)
    return schema


def missing_rate(missing: int, rows: int) -> float:
    """Clopper-Pearson upper bound of the share of rows without a value."""
    return 1.0 if missing >= rows else float(stats.beta.ppf(CONFIDENCE, missing + 1, rows - missing))


def unseen_mass(counts: Mapping[str, float]) -> float:
    """Upper bound of the probability that the next value is none of `counts`.

    Good-Turing's N1/N with the normal interval of Esty (1983), smoothed by one so that a column without
    singletons keeps an allowance of a few in N.
    """
    rows = sum(counts.values())
    if rows <= 0:
        return 1.0
    singletons = 1 + sum(count == 1 for count in counts.values())
    doubletons = sum(count == 2 for count in counts.values())
    spread = math.sqrt(singletons * max(0.0, 1 - singletons / rows) + 2 * doubletons)
    return min(1.0, (singletons + float(stats.norm.ppf(CONFIDENCE)) * spread) / rows)


def share_in_sample(probability: float, rows: int) -> float:
    """The upper bound of the share that an event of this probability takes in `rows` draws."""
    return float(stats.binom.ppf(CONFIDENCE, max(rows, 1), probability)) / max(rows, 1)


def _common(feature: statistics_pb2.FeatureNameStatistics) -> statistics_pb2.CommonStatistics:
    return getattr(feature, feature.WhichOneof("stats")).common_stats


def _floor(share: float) -> float:
    """Rounded down so that it stays a bound as a 32-bit float of the proto."""
    return math.floor(share * 1e5) / 1e5


def _relax_presence(
    feature: schema_pb2.Feature, seen: statistics_pb2.FeatureNameStatistics, rows: int, smallest_split: int
) -> None:
    missing = missing_rate(rows - _common(seen).num_non_missing, rows)
    # A column that is nearly always missing may be missing completely in a smaller split.
    feature.presence.min_count = 0
    feature.presence.min_fraction = _floor(1 - share_in_sample(missing, smallest_split))


def _relax_bool(feature: schema_pb2.Feature, seen: statistics_pb2.FeatureNameStatistics) -> None:
    if feature.WhichOneof("domain_info") != "bool_domain":
        return
    rows = _common(seen).num_non_missing
    ones = seen.num_stats.mean * rows
    if seen.WhichOneof("stats") != "num_stats" or min(ones, rows - ones) < BOOLEAN_SUPPORT:
        feature.ClearField("bool_domain")


def _relax_domain(
    schema: schema_pb2.Schema,
    feature: schema_pb2.Feature,
    seen: statistics_pb2.FeatureNameStatistics,
    smallest_split: int,
) -> None:
    if feature.WhichOneof("domain_info") != "domain":
        return
    buckets = seen.string_stats.rank_histogram.buckets
    unseen = unseen_mass({bucket.label: bucket.sample_count for bucket in buckets})
    if unseen > OPEN_DOMAIN_MASS or holds_periods(bucket.label for bucket in buckets):
        _drop_domain(schema, feature)
    else:
        outside = share_in_sample(unseen, smallest_split)
        feature.distribution_constraints.min_domain_mass = _floor(1 - outside)


def _drop_domain(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> None:
    kept = [domain for domain in schema.string_domain if domain.name != feature.domain]
    del schema.string_domain[:]
    schema.string_domain.extend(kept)
    feature.ClearField("domain")
