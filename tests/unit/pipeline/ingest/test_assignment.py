"""The assignment of rows to splits: shares, independence of salts, entities, time with a gap, a given column."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.config.workload import SplitConfig
from pipeline.ingest.assignment import LEFT_OUT, SPLITS, UNASSIGNED, Assigner, assign_hashes
from pipeline.ingest.row_hash import hash_content, hash_key, salted
from pipeline.ingest.times import TimeCounts, cut_points, instants
from sources.typed import as_lists

ROWS = 50_000


def lists(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([as_lists(column) for column in columns.values()], list(columns))


@pytest.fixture(scope="module")
def consecutive() -> pa.RecordBatch:
    """The hardest rows for a hash: they differ in a few low bits only."""
    number = np.arange(ROWS)
    return lists(day=pa.array(number % 7), n=pa.array(number // 7), text=pa.array([b"x"] * ROWS, pa.large_binary()))


def chi_square(counts: np.ndarray) -> float:
    expected = counts.sum() / counts.size
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("shift", [0, 20, 40, 56])
def test_hashes_of_consecutive_rows_are_uniform_in_all_their_bits(consecutive, shift):
    buckets = (salted(hash_content(consecutive), "") >> np.uint64(shift)) & np.uint64(0xFF)
    # 255 degrees of freedom: mean 255, standard deviation 22.6.
    assert 150 < chi_square(np.bincount(buckets.astype(int), minlength=256)) < 370


def test_another_salt_assigns_independently(consecutive):
    split = SplitConfig(train=0.5, eval=0.25, test=0.25)
    one, other = (assign_hashes(salted(hash_content(consecutive), salt), split) for salt in ("", "again"))
    seen = np.zeros((3, 3))
    np.add.at(seen, (one, other), 1)
    expected = np.outer([0.5, 0.25, 0.25], [0.5, 0.25, 0.25]) * ROWS
    assert ((seen - expected) ** 2 / expected).sum() < 30  # 8 degrees of freedom


@pytest.mark.parametrize("weights", [(8, 1, 1), (0.8, 0.1, 0.1), (1, 1, 2)])
def test_splits_have_the_shares_of_their_weights(consecutive, weights):
    split = SplitConfig(train=weights[0], eval=weights[1], test=weights[2])
    counts = np.bincount(assign_hashes(salted(hash_content(consecutive), ""), split), minlength=3)
    assert np.allclose(counts / ROWS, np.array(weights) / sum(weights), atol=0.01)


def test_all_rows_have_different_hashes_unless_they_are_equal(consecutive):
    assert len(np.unique(hash_content(consecutive))) == ROWS
    twice = pa.Table.from_batches([consecutive, consecutive]).combine_chunks().to_batches()[0]
    hashes = hash_content(twice)
    assert (hashes[:ROWS] == hashes[ROWS:]).all()


def test_values_that_change_columns_make_another_row():
    one = lists(a=pa.array([1], pa.int64()), b=pa.array([2], pa.int64()))
    other = lists(a=pa.array([2], pa.int64()), b=pa.array([1], pa.int64()))
    assert hash_content(one) != hash_content(other)


def test_lists_hash_by_value_and_place():
    column = pa.array([[1, 2], [2, 1], [1, 2], [1], [], [1, 1]], pa.large_list(pa.int64()))
    hashes = hash_content(pa.RecordBatch.from_arrays([column], ["a"]))
    assert hashes[0] == hashes[2]
    assert len(set(hashes.tolist())) == 5


def test_a_column_without_values_moves_no_row(consecutive):
    empty = pa.array([None] * ROWS, pa.large_list(pa.int64()))
    names = [*consecutive.schema.names, "new"]
    wider = pa.RecordBatch.from_arrays([*consecutive.columns, empty], names)
    assert (hash_content(wider) == hash_content(consecutive)).all()


def test_small_whole_numbers_hash_alike_as_int_and_float():
    ints = pa.array([0, 1, -5, 2**24, 2**24 + 1])
    same = hash_content(lists(a=ints)) == hash_content(lists(a=ints.cast(pa.float32(), safe=False)))
    assert same.tolist() == [True, True, True, True, False]


def test_the_order_of_columns_means_nothing(consecutive):
    turned = pa.RecordBatch.from_arrays(consecutive.columns[::-1], consecutive.schema.names[::-1])
    assert (hash_content(turned) == hash_content(consecutive)).all()


def test_a_hash_stays_what_it_was():
    """A change of these numbers assigns every data set anew: it must be meant."""
    batch = lists(
        i=pa.array([7, None]), f=pa.array([0.5, np.nan], pa.float32()), s=pa.array([b"a", b""], pa.large_binary())
    )
    assert [f"{h:016x}" for h in salted(hash_content(batch), "salt")] == ["30afa60d260488cc", "3b280513b947be2f"]


def test_rows_that_differ_in_the_label_alone_are_not_parted():
    numbers = pa.array(np.arange(1000))
    assigner = Assigner(SplitConfig(), label="label")
    ones, zeros = (assigner.assign({"n": numbers, "label": pa.array([label] * 1000)}, 1000) for label in (0, 1))
    assert (ones == zeros).all()


def test_entities_are_never_parted():
    keys = pa.array([f"k{i % 997}".encode() for i in range(ROWS)], pa.large_binary())
    assigner = Assigner(SplitConfig(by="entity"), entity_key="key")
    places = assigner.assign({"key": keys, "n": pa.array(np.arange(ROWS))}, ROWS)
    of_entity = {}
    for key, place in zip(keys.to_pylist(), places.tolist(), strict=True):
        assert of_entity.setdefault(key, place) == place
    assert set(of_entity.values()) == {0, 1, 2}


def test_an_entity_stays_in_its_split_when_its_column_is_renamed():
    column = as_lists(pa.array([5, 6, 7]))
    assert (hash_key(column, "") == hash_key(as_lists(pa.array([5.0, 6.0, 7.0], pa.float32())), "")).all()


def test_a_row_without_its_entity_is_not_assigned():
    assigner = Assigner(SplitConfig(by="entity"), entity_key="key")
    assert assigner.assign({"key": pa.array([1, None])}, 2)[1] == UNASSIGNED


def by_time(moments, weights=(0.8, 0.1, 0.1), gap=0.0) -> np.ndarray:
    column = pa.array(moments)
    cuts = cut_points(TimeCounts.of(instants(column)), weights)
    split = SplitConfig(by="time", train=weights[0], eval=weights[1], test=weights[2], gap=gap)
    return Assigner(split, time_column="t", cuts=cuts).assign({"t": column}, len(column))


def test_the_past_trains_and_the_future_tests():
    rng = np.random.default_rng(0)
    moments = rng.permutation(1000)
    places = by_time(moments)
    assert np.bincount(places).tolist() == [800, 100, 100]
    assert moments[places == 0].max() < moments[places == 1].min()
    assert moments[places == 1].max() < moments[places == 2].min()


def test_rows_of_one_instant_stay_together():
    moments = np.repeat(np.arange(13), 77)
    places = by_time(moments)
    assert all(len(set(places[moments == moment])) == 1 for moment in range(13))
    assert set(places) == {0, 1, 2}


def test_rows_in_the_gap_after_a_boundary_are_left_out():
    moments = np.arange(1000)
    places = by_time(moments, gap=10)
    assert moments[places == LEFT_OUT].tolist() == [*range(800, 809), *range(900, 909)]
    assert moments[places == 1].min() - moments[places == 0].max() >= 10


def test_iso_text_is_time_and_means_utc():
    column = pa.array(
        [b"1970-01-02", b"1970-01-01T00:00:10", b"1970-01-01 00:00:10.5Z", b"1970-01-01T01:00:00+01:00", b"soon", None],
        pa.large_binary(),
    )
    assert np.array_equal(instants(column), [86400, 10, 10.5, 0, np.nan, np.nan], equal_nan=True)


def test_cuts_do_not_depend_on_how_the_times_are_merged(monkeypatch):
    monkeypatch.setattr("pipeline.ingest.times._MOST", 500)
    moments = np.random.default_rng(1).normal(1.4e9, 1e6, 20_000)
    whole = TimeCounts.of(moments)
    for pieces in (2, 7, 40):
        merged = TimeCounts.of(np.zeros(0))
        for piece in np.array_split(moments[::-1], pieces):
            merged = TimeCounts.of(piece).merged(merged)
        assert np.array_equal(merged.latest, whole.latest) and np.array_equal(merged.counts, whole.counts)
    assert len(whole.latest) <= 500
    assert whole.counts.sum() == 20_000
    assert abs((moments <= cut_points(whole, (0.8, 0.1, 0.1))[0]).mean() - 0.8) < 0.01


def test_a_given_column_names_the_split():
    assigner = Assigner(SplitConfig(by="column", column="part"))
    names = pa.array([b"test", b"train", b"eval", b"train"], pa.large_binary())
    assert [SPLITS[place] for place in assigner.assign({"part": names}, 4)] == ["test", "train", "eval", "train"]


def test_rows_of_many_numbers_hash_alike_whatever_stands_beside_them():
    rows = np.random.default_rng(1).integers(-5, 300, (50, 40))
    alike = lists(image=pa.array(list(rows), pa.large_list(pa.int64())))
    beside_others = lists(image=pa.array([*rows, [7], []], pa.large_list(pa.int64())))
    assert (hash_content(alike) == hash_content(beside_others)[:50]).all()
    assert (hash_content(alike.slice(10, 20)) == hash_content(alike)[10:30]).all()
    assert len(np.unique(hash_content(alike))) == 50
