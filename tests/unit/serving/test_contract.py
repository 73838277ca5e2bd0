"""What the contract itself decides."""

from __future__ import annotations

import pytest

from serving.contract import deployed_id_of


@pytest.mark.parametrize(("version", "deployed_id"), [("1764441923", "1764441923"), ("7", "7"), ("1.0.0", "322658870")])
def test_a_version_has_an_id_of_one_to_ten_digits(version: str, deployed_id: str) -> None:
    assert deployed_id_of(version) == deployed_id
