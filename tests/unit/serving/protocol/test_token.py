"""Who is let in."""

from __future__ import annotations

import pytest

from serving.protocol.errors import RequestError
from serving.protocol.token import check_authorization


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Bearer tokeN", "Basic token", "token", "Bearer token "])
def test_another_token_is_refused(given: str) -> None:
    with pytest.raises(RequestError, match="Authorization: Bearer TOKEN"):
        check_authorization(given, "token")


def test_the_token_lets_in_and_without_one_everybody_comes_in() -> None:
    check_authorization("Bearer token", "token")
    check_authorization("bearer tökén", "tökén")
    check_authorization("", "")
