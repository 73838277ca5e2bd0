"""The split before the present one, as a label keeps it."""

from __future__ import annotations

import re

import pytest

from cloud.endpoint.split_label import split_of, split_text
from serving.contract import InvalidTrafficError


@pytest.mark.parametrize("split", [{"7": 100}, {"1795986704": 90, "1795986705": 10}, {"1": 25, "2": 25, "3": 50}])
def test_a_split_comes_back_from_its_label(split: dict[str, int]) -> None:
    text = split_text(split)
    assert re.fullmatch("[a-z0-9_-]{1,63}", text)
    assert split_of(text) == split


@pytest.mark.parametrize("text", ["", "none", "7", "7-", "7-x_8-1"])
def test_a_label_that_is_no_split_is_none(text: str) -> None:
    assert split_of(text) is None


def test_a_split_that_no_label_holds_is_refused() -> None:
    with pytest.raises(InvalidTrafficError, match="between 5 models"):
        split_text({str(1234567890 + number): 20 for number in range(5)})
