"""What the console says of a component, from what the component left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tfx.types import standard_artifacts

from runners.component_lines import sentence_for
from runners.node_result import NodeResult

LINE_WIDTH = 78  # of the console


def ingested(**changed: Any) -> NodeResult:
    examples = standard_artifacts.Examples()
    facts = {"rows": {"train": 26_923, "eval": 2_992, "test": 5_004}, "unusable_rows": 0, **changed}
    examples.set_string_custom_property("sluice_facts", json.dumps(facts))
    return NodeResult("ExampleGen", "ran", 1.0, {"examples": [examples]})


def test_ingest_tells_which_share_of_the_rows_was_taken() -> None:
    told = sentence_for(ingested(share=0.5))
    assert told == "34,919 rows (share 0.5) → train 26,923 / eval 2,992 / test 5,004"
    assert len(told) <= LINE_WIDTH


@pytest.mark.parametrize("facts", [{"share": 1.0}, {}])
def test_ingest_says_nothing_of_a_share_where_all_rows_were_taken(facts: dict[str, float]) -> None:
    assert sentence_for(ingested(**facts)) == "34,919 rows → train 26,923 / eval 2,992 / test 5,004"
