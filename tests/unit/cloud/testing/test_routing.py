"""Paths are matched as Google writes them."""

from __future__ import annotations

import pytest
from google.api_core import exceptions

from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router, match

PLACE = "/v1/{name=projects/*/locations/*/models/*}"


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("/b/{bucket}/o/{object}", "/b/one/o/a%2Fb%20c", {"bucket": "one", "object": "a/b c"}),
        ("/b/{bucket}/o/{object}", "/b/one/o/a/b", None),
        ("/{bucket}/{object=**}", "/one/a/b", {"bucket": "one", "object": "a/b"}),
        (PLACE, "/v1/projects/p/locations/l/models/7@prod", {"name": "projects/p/locations/l/models/7@prod"}),
        (PLACE, "/v1/projects/p/locations/l/models", None),
        (
            f"{PLACE}:deleteVersion",
            "/v1/projects/p/locations/l/models/7:deleteVersion",
            {"name": "projects/p/locations/l/models/7"},
        ),
        ("/v1/{a.name=x/*}/{id}", "/v1/x/1/2", {"a.name": "x/1", "id": "2"}),
    ],
)
def test_a_path_gives_the_values_of_its_variables(template: str, path: str, values: dict[str, str] | None) -> None:
    assert match(template, path) == values


def test_the_first_route_that_fits_answers_and_others_are_not_found() -> None:
    router = Router("test")
    router.add("get", "/a/{x}", lambda _, values: Answer(body=values["x"].encode()))
    router.add("GET", "/{y=**}", lambda _, values: Answer(body=b"rest"))
    assert router(Request("GET", "/a/1")).body == b"1"
    assert router(Request("GET", "/a/1/2")).body == b"rest"
    with pytest.raises(exceptions.NotFound, match="local test has no POST /a/1"):
        router(Request("POST", "/a/1"))
