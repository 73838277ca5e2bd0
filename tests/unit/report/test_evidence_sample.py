"""The sample runs that the report's tests draw (real taxi rows, an evaluation made up for the purpose)."""

from __future__ import annotations

from collections.abc import Sequence

from tensorflow_metadata.proto.v0 import statistics_pb2

from tests.samples.report_runs import taxi_frame, taxi_statistics


def names_of(dataset: statistics_pb2.DatasetFeatureStatistics) -> Sequence[str]:
    return [feature.path.step[0] for feature in dataset.features]


def test_the_sample_statistics_describe_the_rows_they_were_made_of():
    train = taxi_statistics()["train"]
    company = next(feature for feature in train.features if feature.path.step[0] == "company")
    assert train.num_examples == 2400
    assert sum(bucket.sample_count for bucket in company.string_stats.rank_histogram.buckets) == (
        taxi_frame().company[:2400].notna().sum()
    )
    assert list(names_of(train)) == list(taxi_frame().columns)
