"""Lists by prefix and delimiter are those of Cloud Storage, whatever the size of a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.testing.messages import Request
from cloud.testing.storage.listing import Page, Query, page
from cloud.testing.storage.objects import ObjectStore


def store_of(names: list[str]) -> ObjectStore:
    store = ObjectStore()
    store.create_bucket("b")
    for name in names:
        store.write("b", name, b"")
    return store


def shown(found: Page) -> list[str]:
    return [each.name for each in found.objects]


@pytest.mark.parametrize(
    ("query", "names", "prefixes"),
    [
        (Query(), ["a", "d/", "d/e", "d/f/g", "h"], []),
        (Query(delimiter="/"), ["a", "h"], ["d/"]),
        (Query(prefix="d/", delimiter="/"), ["d/", "d/e"], ["d/f/"]),
        (Query(prefix="d", delimiter="/"), [], ["d/"]),
        (Query(delimiter="/", folders_as_objects=True), ["a", "d/", "h"], ["d/"]),
        (Query(start="d/e", end="h"), ["d/e", "d/f/g"], []),
        (Query(prefix="x"), [], []),
    ],
)
def test_names_and_prefixes(query: Query, names: list[str], prefixes: list[str]) -> None:
    found = page(store_of(["a", "d/", "d/e", "d/f/g", "h"]).objects("b"), query)
    assert (shown(found), found.prefixes, found.token) == (names, prefixes, "")


@given(st.lists(st.text("ab/é", min_size=1, max_size=5), max_size=12, unique=True), st.integers(1, 4))
def test_pages_add_up_to_the_whole_without_repeating_anything(names: list[str], size: int) -> None:
    store = store_of(names)
    whole = page(store.objects("b"), Query(delimiter="/"))
    objects: list[str] = []
    prefixes: list[str] = []
    token = ""
    while True:
        query = {"delimiter": ["/"], "maxResults": [str(size)], "pageToken": [token]}
        found = page(store.objects("b"), Query.of(Request("GET", "/", query)))
        assert len(found.objects) + len(found.prefixes) <= size
        objects += shown(found)
        prefixes += found.prefixes
        token = found.token
        if not token:
            break
    assert (objects, prefixes) == (shown(whole), whole.prefixes)
