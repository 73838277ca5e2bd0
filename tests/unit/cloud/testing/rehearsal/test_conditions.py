"""Conditions as compilers write them."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.testing.rehearsal.conditions import ConditionError, holds

INPUTS: dict[str, Any] = {
    "artifacts": {
        "_DataGate.blessing": {"artifacts": [{"uri": "gs://b/x", "metadata": {"blessed": 1.0, "rows": 7.0}}]},
        "none": {"artifacts": []},
    },
    "parameter_values": {"push": True, "name": "taxi", "count": 3},
    "parameters": {},
}
BLESSED = "inputs.artifacts['_DataGate.blessing'].artifacts[0].metadata['blessed']"


@pytest.mark.parametrize(
    "condition",
    [
        f"{BLESSED} == 1.0",
        f"({BLESSED} == 1.0) && ({BLESSED} > 0)",
        f"({BLESSED} == 2.0) || !({BLESSED} == 0.0)",
        "inputs.artifacts['_DataGate.blessing'].artifacts[0].uri + '/y' == 'gs://b/x/y'",
        "inputs.parameter_values['push'] == true",
        "inputs.parameter_values['name'] != \"fashion\"",
        "inputs.parameter_values['name'] in ['taxi', 'fashion']",
        "int(inputs.parameter_values['count']) <= 3",
        "string(inputs.parameter_values['count']) == '3'",
    ],
)
def test_holds(condition: str) -> None:
    assert holds(condition, INPUTS)
    assert not holds(f"!({condition})", INPUTS)


def test_both_sides_of_an_and_must_hold() -> None:
    assert not holds(f"({BLESSED} == 1.0) && ({BLESSED} == 0.0)", INPUTS)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("inputs.artifacts['gone'].artifacts[0].uri == 'x'", "there is no inputs['artifacts']['gone']"),
        ("inputs.artifacts['none'].artifacts[0].uri == 'x'", "there is no inputs['artifacts']['none']['artifacts'][0]"),
        (f"{BLESSED} == 2.0 && inputs.artifacts['gone'] == 1", "there is no inputs['artifacts']['gone']"),
        (BLESSED, "its value is 1.0"),
        ("inputs.parameter_values['name'] < 3", "'taxi' < 3.0 is not defined"),
        ("__import__('os').system('true')", "'__import__' is not understood"),
        ("(1 == 1", "')' is missing"),
        ("1 == 1 1", "what comes after '1' is not understood"),
        ("1 ==", "it ends too early"),
        ("1 == 1; 2", "'; 2' is not understood"),
    ],
)
def test_what_has_no_value_is_an_error_that_names_the_reason(condition: str, why: str) -> None:
    with pytest.raises(ConditionError) as caught:
        holds(condition, INPUTS)
    assert why in str(caught.value)
    assert condition in str(caught.value) or repr(condition) in str(caught.value)
