"""The id of a request: the client's where it can be used."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from serving.protocol.request_id import request_id_of, usable_id


def _request(given: str) -> Request:
    headers = [(b"x-request-id", given.encode("latin-1"))] if given else []
    return Request({"type": "http", "headers": headers, "state": {}})


def test_the_clients_id_is_kept() -> None:
    assert request_id_of(_request("trip-4711/a")) == "trip-4711/a"


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "caf\xe9", "a\x7f"])
def test_another_one_is_made_and_is_the_same_at_every_call(given: str) -> None:
    request = _request(given)
    made = request_id_of(request)
    assert made != given
    assert len(made) == 32
    assert request_id_of(request) == made
    assert request_id_of(_request(given)) != made


def test_an_entry_of_grpc_metadata_counts_as_the_header_does() -> None:
    assert usable_id("trip-4711/a") == "trip-4711/a"
    assert len(usable_id("")) == len(usable_id("two words")) == 32
