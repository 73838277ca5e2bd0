"""Values of a configuration as people write them."""

from __future__ import annotations

from collections.abc import Mapping


def in_words(value: object) -> str:
    """`{"factor": 0.2, "patience": 3}` as `factor 0.2, patience 3`; none, yes and no; lists without brackets."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_enclosed(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_enclosed(each) for each in value)
    return str(value)


def _enclosed(value: object) -> str:
    """In brackets where its commas would be taken for those around it."""
    told = in_words(value)
    return f"({told})" if isinstance(value, (Mapping, list, tuple)) and "," in told else told
