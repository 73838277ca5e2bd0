"""Splits declared by entity or by time that are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gates.data.contamination.units import entity_overlap, time_order
from gates.verdict.catalogue import NotApplicable
from tests.samples.contamination import LABEL, TIME, Splits, assign, blocking, data_of, rides


def by_entity(frame: pd.DataFrame, seed: int = 0) -> Splits:
    companies = np.random.default_rng(seed).permutation(frame["company"].dropna().unique())
    first, second = set(companies[:10]), set(companies[10:20])
    held_out, test = frame["company"].isin(first), frame["company"].isin(second)
    return frame[~held_out & ~test], frame[held_out], frame[test]


def by_time(frame: pd.DataFrame) -> Splits:
    ordered = frame.sort_values(TIME)
    cuts = [round(0.8 * len(ordered)), round(0.9 * len(ordered))]
    return ordered[: cuts[0]], ordered[cuts[0] : cuts[1]], ordered[cuts[1] :]


def in_iso(frame: pd.DataFrame, form: str) -> pd.DataFrame:
    return frame.assign(**{TIME: pd.to_datetime(frame[TIME], unit="s").dt.strftime(form)})


def test_refuses_companies_on_both_sides_when_they_are_the_key():
    data = data_of(assign(rides()), entity="company", split_by="entity")
    assert blocking(data) == {"entity_overlap"}
    first = next(iter(entity_overlap(data, 0.0)))
    assert first.sample is not None and "Taxi Affiliation Services" in first.reason


def test_refuses_a_single_shared_entity():
    train, held_out, test = by_entity(rides())
    stray = held_out.iloc[:1]
    assert blocking(data_of((pd.concat([train, stray.assign(fare=1234.5)]), held_out, test), entity="company")) == {
        "entity_overlap"
    }


@pytest.mark.parametrize("seed", range(3))
def test_passes_splits_by_entity_whose_rows_without_a_key_lie_on_both_sides(seed):
    train, held_out, test = by_entity(rides(), seed)
    keyless = rides()[rides()["company"].isna()]
    held_out = pd.concat([held_out, keyless[::2]])
    train = train.drop(keyless.index[::2], errors="ignore")
    assert train["company"].isna().any() and held_out["company"].isna().any()
    assert not blocking(data_of((train, held_out, test), entity="company"))


def test_knows_a_key_again_that_is_a_text_on_the_other_side():
    train, held_out, test = assign(rides().dropna(subset=["pickup_community_area"]))
    as_text = held_out.assign(pickup_community_area=held_out["pickup_community_area"].astype(int).astype(str))
    assert "entity_overlap" in blocking(data_of((train, as_text, test), entity="pickup_community_area"))


@pytest.mark.parametrize(
    "form", ["", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%d", "%d.%m.%Y %H:%M", "%Y%m%d%H"]
)
def test_refuses_a_random_split_of_temporal_data_and_passes_a_split_by_time(form):
    at_random, in_order = (
        [in_iso(part, form) if form else part for part in split(rides())] for split in (assign, by_time)
    )
    assert blocking(data_of(at_random, time=TIME)) == {"time_order"}
    assert not blocking(data_of(in_order, time=TIME, split_by="time"))


def test_refuses_eval_that_lies_before_train():
    train, held_out, test = by_time(rides())
    data = data_of((held_out, train, test), time=TIME)
    found = {(each.subject, each.is_beyond) for each in time_order(data, 0.001)}
    assert ("eval", True) in found


def test_tells_how_much_lies_on_the_wrong_side():
    train, held_out, test = by_time(rides())
    late = held_out.iloc[::50]
    train, held_out = pd.concat([train, late]), held_out.drop(late.index)
    first = next(iter(time_order(data_of((train, held_out, test), time=TIME), 0.001)))
    train_times, held_out_times = train[TIME].to_numpy(), held_out[TIME].to_numpy()
    boundaries = np.unique(np.concatenate([train_times[train_times >= held_out_times.min()], held_out_times]))
    assert first.is_beyond
    assert first.value == pytest.approx(
        min(max((train_times > at).mean(), (held_out_times < at).mean()) for at in boundaries)
    )


def test_passes_a_cut_through_a_day_and_refuses_a_day_that_is_all_of_eval():
    days = pd.DataFrame({"day": np.repeat(np.arange(100), 20), "x": np.arange(2_000.0)})
    days[LABEL] = (days["x"] % 3 == 0).astype(int)
    assert not next(iter(time_order(data_of((days[:1_590], days[1_590:]), time="day"), 0.001))).is_beyond
    assert next(iter(time_order(data_of((days[:1_590], days[1_590:1_600]), time="day"), 0.001))).is_beyond


def test_does_not_judge_a_split_that_is_declared_to_be_another():
    data = data_of(assign(rides()), time=TIME, entity="company", split_by="row")
    for check, unit in ((entity_overlap, "entity"), (time_order, "time")):
        with pytest.raises(NotApplicable, match=f"by row .*not by {unit}"):
            list(check(data, 0.0))


def test_does_not_guess_the_order_of_times_that_do_not_sort():
    with pytest.raises(NotApplicable, match="holds what is no time"):
        list(time_order(data_of(assign(in_iso(rides(), "%d %b %Y")), time=TIME), 0.001))
