"""What is drawn of a feature agrees with the rows it was counted from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from report.distributions import BINS, OTHER, TOP_VALUES, FeatureSummary, summarise
from tests.samples.report_runs import statistics_of, taxi_frame, taxi_statistics


def summary_of(name: str) -> FeatureSummary:
    return next(feature for feature in summarise(taxi_statistics()) if feature.name == name)


def one(values: list, name: str = "x") -> FeatureSummary:
    return summarise({"train": statistics_of(pd.DataFrame({name: values}))})[0]


@pytest.mark.parametrize("name", ["fare", "trip_miles", "trip_start_hour", "trip_start_day", "pickup_latitude"])
def test_bars_are_close_to_the_true_shares_of_rows(name):
    summary, rows = summary_of(name), taxi_frame()[name][:2400].dropna()
    edges = np.array(summary.edges)
    edges[0], edges[-1] = -np.inf, np.inf
    truth = np.histogram(rows, bins=edges)[0] / len(rows)
    assert np.abs(np.cumsum(summary.splits["train"].bars) - np.cumsum(truth)).max() < 0.06


def test_every_split_has_the_same_bins_and_its_bars_add_up_to_one():
    for summary in summarise(taxi_statistics()):
        for split in summary.splits.values():
            if split.bars:
                assert sum(split.bars) == pytest.approx(1.0)
                assert len(split.bars) == len(summary.values) or len(split.bars) == len(summary.edges) - 1


def test_a_long_tail_is_one_overflow_bin():
    summary = summary_of("fare")
    assert summary.tail_above and not summary.tail_below
    assert summary.edges[-1] < taxi_frame().fare.max()
    assert summary.splits["train"].bars[-1] == pytest.approx(
        (taxi_frame().fare[:2400] > summary.edges[-2]).mean(), abs=0.02
    )


def test_a_binary_label_is_two_bars_with_its_true_shares():
    summary = summary_of("big_tipper")
    positive = taxi_frame().big_tipper[:2400].mean()
    assert summary.splits["train"].bars == pytest.approx((1 - positive, positive), abs=0.01)


def test_integers_are_not_cut_in_half():
    summary = one([1, 2, 3, 4, 5, 6, 7] * 30)
    assert summary.edges == (0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5)
    assert summary.kind == "integer"


def test_text_shows_the_commonest_values_of_train_and_gathers_the_rest():
    summary = summary_of("company")
    counts = taxi_frame().company[:2400].value_counts(normalize=True)
    assert summary.values == (*counts.index[:TOP_VALUES], OTHER)
    assert summary.splits["train"].bars[:-1] == pytest.approx(list(counts[:TOP_VALUES]))
    assert summary.splits["train"].distinct == len(counts)


def test_values_that_train_has_never_seen_are_gathered_with_the_rest():
    seen, unseen = pd.DataFrame({"x": ["a", "b"] * 10}), pd.DataFrame({"x": ["a", "c"] * 10})
    summary = summarise({"train": statistics_of(seen), "eval": statistics_of(unseen)})[0]
    assert summary.values == ("a", "b", OTHER)
    assert summary.splits["train"].bars == (0.5, 0.5, 0.0)
    assert summary.splits["eval"].bars == (0.5, 0.0, 0.5)


def test_missing_values_are_a_share_of_all_rows():
    rows = taxi_frame().company[:2400]
    assert summary_of("company").splits["train"].missing == pytest.approx(rows.isna().mean())


def test_an_empty_list_of_values_counts_as_missing():
    statistics = statistics_of(pd.DataFrame({"x": [1.0, 2.0, None, 4.0]}))
    common = statistics.features[0].num_stats.common_stats
    # As from examples that hold the feature with no value in it: present, yet without a value.
    common.num_non_missing, common.num_missing = 4, 0
    assert summarise({"train": statistics})[0].splits["train"].missing == pytest.approx(0.25)


def test_a_feature_without_any_value_has_no_bars():
    summary = one([None, None, None] * 3 + [np.nan])
    assert summary.splits["train"].bars == ()
    assert summary.splits["train"].missing == 1.0


def test_a_constant_is_one_bar():
    assert one([3.25] * 50).splits["train"].bars == (1.0,)


def test_a_feature_that_only_one_split_has_is_kept():
    frame = taxi_frame()[["fare"]][:100]
    summaries = summarise({"train": statistics_of(frame), "eval": statistics_of(frame.assign(extra=1.0))})
    assert {summary.name: set(summary.splits) for summary in summaries} == {
        "fare": {"train", "eval"},
        "extra": {"eval"},
    }


def test_no_more_than_the_allowed_bins_are_drawn():
    assert all(len(summary.edges) <= BINS + 3 for summary in summarise(taxi_statistics()))
