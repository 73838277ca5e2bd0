"""Values of a configuration in words."""

from __future__ import annotations

import json
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


def brief(value: object, longest: int) -> str:
    """A value in at most `longest` characters: text unchanged, `none`, and other values as JSON."""
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _enclosed(value: object) -> str:
    """In brackets where its commas would be confused with those around it."""
    text = in_words(value)
    return f"({text})" if isinstance(value, (Mapping, list, tuple)) and "," in text else text
