"""What is refused before a request is logged."""

from __future__ import annotations

import pytest

from core.errors import SluiceError
from serving.log.exchange import Privacy
from serving.log.settings import checked_privacy


def test_features_to_hide_are_taken_with_the_salt() -> None:
    assert checked_privacy(("a",), ("b",), "salt") == Privacy(frozenset({"a"}), frozenset({"b"}), b"salt")
    assert checked_privacy((), (), "") == Privacy()


def test_a_hash_without_a_salt_is_refused_with_the_command_that_makes_one() -> None:
    with pytest.raises(SluiceError, match="SLUICE_LOG_SALT is not set") as refused:
        checked_privacy((), ("company",), "")
    assert "export SLUICE_LOG_SALT=" in str(refused.value)


def test_a_feature_cannot_be_both_hashed_and_left_out() -> None:
    with pytest.raises(SluiceError, match="`a` cannot be both"):
        checked_privacy(("a",), ("a",), "salt")
