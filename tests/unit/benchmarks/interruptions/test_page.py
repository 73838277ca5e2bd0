"""The page counts what ended in order, and shows in bold what did not."""

from __future__ import annotations

from benchmarks.interruptions.page import page
from benchmarks.interruptions.tried import Tried


def test_what_did_not_end_in_order_is_counted_and_named() -> None:
    fine, wrong = (
        Tried("index | truncated", "exit 0", times=4),
        Tried("record", "exit 1", ("a traceback was printed", "exit code 1")),
    )
    text = page({"damaged": [fine, wrong]}, seed=3)
    assert "| damaged | 5 | 2 | 1 |" in text
    assert "| index \\| truncated | exit 0 |" in text
    assert "| record | exit 1. **a traceback was printed; exit code 1** |" in text
    assert "seed 3" in text
