"""The checks and the verdict: pure functions that need neither TFX nor TensorFlow.

`import gates; gates.check(train, eval, label="tipped")` is the whole Python interface; `python -m gates` the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gates.api import check as check

__all__ = ["check"]


def __getattr__(name: str) -> Any:
    # What imports a part of gates alone, as every component does, need not load the rest.
    if name == "check":
        from gates.api import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
