"""The section `notify`: a secret is not sent where others can read it."""

from __future__ import annotations

import pytest

from core.errors import SluiceError
from pipeline.config.load import load_workload

SECRET = "notify.secret=HOOK_SECRET"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://hooks.example.com/x", "which would send the secret in the open; take https://"),
        ("https://[bad/x", "`webhook` is no address"),
    ],
)
def test_an_address_that_would_give_the_secret_away_is_refused_where_it_stands(address: str, sentence: str) -> None:
    with pytest.raises(SluiceError) as refused:
        load_workload("taxi", [f"notify.webhook={address}", SECRET])
    assert sentence in refused.value.headline
    assert "notify.webhook" in refused.value.headline


@pytest.mark.parametrize(
    "given",
    [
        ["notify.webhook=https://hooks.example.com/x", SECRET],
        ["notify.webhook=http://127.0.0.1:8080/x", SECRET],
        ["notify.webhook=HOOK", SECRET],
        ["notify.webhook=http://hooks.example.com/x"],
        ["notify.webhook=http://hooks.example.com/x", SECRET, "notify.sign=hmac"],
    ],
)
def test_all_else_is_taken(given: list[str]) -> None:
    assert load_workload("taxi", given).notify is not None
