"""Leaks besides measurements: identifiers, the order of rows, words in a text, sources, and declared moments."""

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from gates.verdict.finding import Severity
from tests.samples.leakage import data_of, findings_of, refused, taxi

LABEL = "big_tipper"
WORDS = ("driver", "was", "late", "we", "took", "road", "near", "lake", "red", "airport", "hotel", "fast", "quiet")


def warned(frame: pd.DataFrame, label: str) -> set[str]:
    return {each.check for each in findings_of(data_of(frame, label)) if each.severity is Severity.WARN}


def with_notes(trips: pd.DataFrame, share: float) -> pd.DataFrame:
    """With a free text that holds `gratuity` in a share of the positive rows."""
    random = np.random.default_rng(0)
    marked = (trips[LABEL] == 1) & (random.random(len(trips)) < share)
    notes = [" ".join(random.choice(WORDS, 8)) + (" Gratuity!" if each else "") for each in marked]
    return trips.assign(notes=notes)


@pytest.mark.parametrize("form", ["{}", "R-{:07d}"])
def test_refuses_an_identifier_given_out_by_label(form: str) -> None:
    trips = taxi().sort_values(LABEL)
    trips["trip"] = [form.format(i) if form != "{}" else i for i in range(len(trips))]
    assert refused(data_of(trips.sample(frac=0.8, random_state=0), LABEL)) == {("identifier", "trip")}


def test_refuses_an_identifier_whose_prefix_tells() -> None:
    trips, random = taxi(), np.random.default_rng(0)
    numbers = random.permutation(len(trips))
    trips["trip"] = [f"{'AB'[label]}-{i}" for label, i in zip(trips[LABEL], numbers, strict=True)]
    assert refused(data_of(trips, LABEL)) == {("identifier", "trip")}


def test_refuses_the_row_number_of_a_sorted_file_even_where_all_else_is_good() -> None:
    frame = datasets.load_iris(as_frame=True).frame
    frame.insert(0, "Id", range(len(frame)))
    assert refused(data_of(frame, "target")) == {("identifier", "Id")}


def test_identifiers_that_know_nothing_are_silent() -> None:
    trips, random = taxi(), np.random.default_rng(0)
    trips["id"] = random.permutation(len(trips))
    trips["uuid"] = [f"{value:x}" for value in random.integers(0, 1 << 60, len(trips))]
    assert refused(data_of(trips, LABEL)) == set()


def test_warns_of_a_file_sorted_by_label_and_refuses_nothing() -> None:
    trips = taxi().sort_values(LABEL)
    assert refused(data_of(trips, LABEL)) == set()
    assert warned(trips, LABEL) == {"row_order"}
    assert findings_of(data_of(trips.sample(frac=1, random_state=0), LABEL), "row_order") == []


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_refuses_a_word_that_was_written_with_the_label(share: float) -> None:
    data = data_of(with_notes(taxi(), share), LABEL)
    assert refused(data) == {("token_in_text", "notes")}
    assert "`gratuity`" in findings_of(data, "token_in_text")[0].reason


def test_texts_without_the_label_are_silent() -> None:
    assert refused(data_of(with_notes(taxi(), 0.0), LABEL)) == set()


def test_many_words_identify_a_language_and_none_of_them_is_a_leak() -> None:
    random = np.random.default_rng(0)
    common = {"en": ("the", "of", "and", "to", "in", "is"), "fr": ("le", "la", "de", "et", "les", "des")}
    languages = random.choice(["en", "fr"], 1_000)
    texts = [" ".join([*random.choice(common[each], 7), f"name{i}"]) for i, each in enumerate(languages)]
    frame = pd.DataFrame({"text": texts, "length": random.integers(5, 9, 1_000), "language": languages})
    assert refused(data_of(frame, "language")) == set()


def test_refuses_a_feature_that_is_declared_known_later() -> None:
    data = data_of(taxi(), LABEL, known_after={"fare": "after_ride"}, moments_declared=True)
    assert refused(data) == {("known_too_late", "fare")}
    withheld = data_of(
        taxi(), LABEL, known_after={"fare": "after_ride"}, moments_declared=True, withheld=frozenset({"fare"})
    )
    assert refused(withheld) == set()


def test_refuses_a_feature_that_serving_does_not_have() -> None:
    assert refused(data_of(taxi(), LABEL, not_at_serving=frozenset({"company"}))) == {("known_too_late", "company")}


@pytest.mark.parametrize("split_by", [None, "column"])
def test_a_withheld_name_that_no_column_has_is_in_doubt_unless_it_may_be_absent(split_by: str | None) -> None:
    withheld = frozenset({"tisp", "tips", "split"})
    data = data_of(taxi(), LABEL, withheld=withheld, absent_by_right=frozenset({"tips", "split"}), split_by=split_by)
    assert {each.subject for each in findings_of(data, "known_too_late")} == {"tisp"}


def test_warns_of_a_source_that_stands_for_the_label() -> None:
    trips, random = taxi(8_000), np.random.default_rng(0)
    own = np.where(trips[LABEL] == 1, random.choice(list("abc"), len(trips)), random.choice(list("def"), len(trips)))
    trips["scanner"] = np.where(random.random(len(trips)) < 0.4, random.choice(list("abcdef"), len(trips)), own)
    assert refused(data_of(trips, LABEL)) == set()
    assert warned(trips, LABEL) == {"source_proxy"}
