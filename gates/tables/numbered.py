"""Columns that a name and a number call, which may be the pixels of an image. Without Arrow, which a configuration does
not need."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

# `pixel1 … pixel784` or `pixel_0_0 … pixel_7_7`.
_NUMBERED = re.compile(r"^(.*?)_?(\d+)(?:_(\d+))?$")
# From so many numbered columns in a square on, a note proposes to declare them as an image.
_FEWEST_PIXELS = 64


def numbered_columns(columns: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Columns that a name and one or two numbers call, by that name, each group in the order of its numbers:
    `pixel` → `pixel1`, `pixel2`, …"""
    groups: dict[str, list[tuple[tuple[int, int], str]]] = defaultdict(list)
    for column in columns:
        if match := _NUMBERED.match(column):
            groups[match.group(1)].append(((int(match.group(2)), int(match.group(3) or 0)), column))
    return {prefix: tuple(column for _, column in sorted(members)) for prefix, members in groups.items()}


def may_be_image(columns: Sequence[str]) -> bool:
    """Whether numbered columns are as many as the pixels of a square image."""
    return len(columns) >= _FEWEST_PIXELS and round(len(columns) ** 0.5) ** 2 == len(columns)
