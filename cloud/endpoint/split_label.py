"""A split of the traffic as the value of a label: `11-70_12-30`."""

from __future__ import annotations

from collections.abc import Mapping

from serving.contract import InvalidTrafficError

_LONGEST = 63


def split_text(split: Mapping[str, int]) -> str:
    """The shares by deployed id as a label takes them.

    Raises:
      InvalidTrafficError: when they are too many for one label.
    """
    text = "_".join(f"{deployed_id}-{share}" for deployed_id, share in split.items())
    if len(text) > _LONGEST:
        raise InvalidTrafficError(
            f"the traffic is split between {len(split)} models, and the way back to so many cannot be recorded",
            "Send the traffic to fewer models.",
        )
    return text


def split_of(text: str) -> dict[str, int] | None:
    """The inverse of `split_text`; None for a text that is none."""
    split = {}
    for part in text.split("_"):
        deployed_id, dash, share = part.partition("-")
        if not dash or not deployed_id.isdigit() or not share.isdigit():
            return None
        split[deployed_id] = int(share)
    return split
