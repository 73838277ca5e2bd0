"""Parts of messages: suggestions for a misspelt name, lists in words, and nouns that follow a count."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

SMALLEST_P = 1e-300  # near the smallest normal number of double precision, 2.2e-308
_PLAIN_P = 0.001


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name in `known` that is most like `word`; None when no name is at least `cutoff` alike.

    `cutoff` is difflib's ratio: 0 for nothing in common, 1 for equal.
    """
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=cutoff)), None)


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "", cutoff: float = 0.6) -> str:
    """The end of a sentence, "; did you mean `label`?"; `otherwise` when no known name is near."""
    return suggestion(nearest(word, known, cutoff)) or otherwise


def suggestion(name: str | None) -> str:
    """The end of a sentence as in `did_you_mean`, for a name that was found in another way; empty for None."""
    return f"; did you mean `{name}`?" if name else ""


def listed(words: Sequence[str], last: str = "and") -> str:
    """["a", "b", "c"] → "a, b and c"; `last` is the word before the last one."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def shortened(words: Sequence[str], most: int, between: str = ", ", rest: str = "{} more") -> str:
    """The first `most` of `words`, and how many are left out: "a, b and 3 more".

    `rest` may hold {} for how many there are.
    """
    left_out = len(words) - most
    return between.join(words[:most]) + (f" and {rest.format(left_out)}" if left_out > 0 else "")


def plural(count: int, one: str, several: str = "") -> str:
    """The noun (or verb) that fits `count`: (1, "row") → "row", (2, "row") → "rows", (2, "is", "are") → "are"."""
    return one if count == 1 else several or f"{one}s"


def counted(count: int, one: str, several: str = "", space: str = " ") -> str:
    """(1, "row") → "1 row", (1200, "row") → "1,200 rows"; `space` stands between the two."""
    return f"{count:,}{space}{plural(count, one, several)}"


def number_within(bounds: Mapping[str, float], whole: bool = False) -> str:
    """The allowed numbers in words: ({"ge": 1}, whole) → "a whole number of at least 1". `bounds` by gt, ge, lt, le."""
    noun, bounds = ("a whole number" if whole else "a number"), dict(bounds)
    if whole and "gt" in bounds:
        bounds["ge"] = bounds.pop("gt") + 1
    if "ge" in bounds and "le" in bounds:
        return f"{noun} from {bounds['ge']:g} to {bounds['le']:g}"
    if "gt" in bounds and "lt" in bounds:
        return f"{noun} between {bounds['gt']:g} and {bounds['lt']:g}"
    words = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}
    return (
        f"{noun} {' and '.join(f'{word} {bounds[name]:g}' for name, word in words.items() if name in bounds)}".rstrip()
    )


def p_value_text(p_value: float) -> str:
    """A p-value in a sentence: "p = 0.03", "p = 1.2e-05"; below 1e-300 the smallest number is reached, and it is not 0.

    >>> p_value_text(0.0)
    'p < 1e-300'
    """
    if p_value < SMALLEST_P:
        return f"p < {SMALLEST_P:.0e}"
    return f"p = {p_value:.2g}" if p_value >= _PLAIN_P else f"p = {p_value:.1e}"
