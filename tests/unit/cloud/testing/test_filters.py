"""Filters as clients of ours send them."""

from __future__ import annotations

import pytest
from google.api_core import exceptions

from cloud.testing.filters import parse_filter, value_at

MODEL = {
    "display_name": "taxi",
    "labels": {"workload": "taxi", "stage": ""},
    "version": 12,
    "count": "10",
    "is_default": True,
    "create_time": "2026-11-29T17:00:00Z",
    "parents": ["a/1", "a/2"],
    "in_context": ["c/1"],
    "metadata": {"blessed": 1.0, "name": "x"},
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        'display_name="taxi"',
        "display_name=taxi",
        'display_name="ta*"',
        'display_name!="fashion"',
        "labels.workload=taxi",
        'labels."workload"="taxi"',
        "labels:stage",
        "labels.absent!=x",
        "version=12",
        "version>9 AND version<100",
        "version>=12 version<=12",
        "count>9",
        'displayName="taxi"',
        "is_default=true",
        "metadata.blessed.number_value=1",
        'metadata.name.string_value="x"',
        "metadata.blessed=1",
        'create_time > "2026-11-29T16:00:00Z"',
        'parents:"a/2"',
        'parents:"b","a/1"',
        'in_context("c/1")',
        'NOT in_context("c/2")',
        '(display_name="x" OR display_name="taxi") AND parents:*',
        'display_name="x" OR display_name="taxi" AND version=12',
    ],
)
def test_it_holds(text: str) -> None:
    assert parse_filter(text)(MODEL)


@pytest.mark.parametrize(
    "text",
    [
        'display_name="tax"',
        "labels.workload=fashion",
        "labels:absent",
        "version>12",
        "version>many",
        "version=many",
        "count<9",
        "absent>1",
        "absent=x",
        "is_default=false",
        'parents:"b"',
        'in_context("c/2")',
        'NOT display_name="taxi"',
        'display_name="taxi" AND (version=1 OR version=2)',
    ],
)
def test_it_does_not_hold(text: str) -> None:
    assert not parse_filter(text)(MODEL)


@pytest.mark.parametrize(
    "text", ["display_name", "display_name=", '="x"', "(version=1", "version=1)", "a = = b", 'a="b', "AND", 'f("x"']
)
def test_refuses_what_cannot_be_read(text: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="Invalid filter"):
        parse_filter(text)


def test_a_quoted_key_may_hold_dots() -> None:
    assert value_at({"labels": {"a.b": 1}}, 'labels."a.b"') == 1


def test_refuses_a_field_that_is_not_known() -> None:
    parse_filter('displayName="x" AND labels.any=y', known={"display_name", "labels"})
    with pytest.raises(exceptions.InvalidArgument, match="unknown field, 'dispaly_name'"):
        parse_filter('dispaly_name="x"', known={"display_name"})
