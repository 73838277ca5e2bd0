"""Figures in words: digits, shares, durations and sizes."""

from __future__ import annotations

import math

from core.text import counted
from core.text import plural as noun_form

NOT_A_FIGURE = "n/a"
NO_BREAK = "\u00a0"


def count(value: float) -> str:
    """12055 → "12,055"."""
    return f"{int(value):,}"


def figure(value: float | None) -> str:
    """Four significant digits, thousands grouped, an exponent only for very small and very large figures."""
    if value is None or not math.isfinite(value):
        return NOT_A_FIGURE
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e12 or size < 1e-4:
        return f"{value:.2e}".replace("-", "\u2212")
    decimals = max(0, min(6, 3 - math.floor(math.log10(size))))
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "\u2212")


def metric(value: float | None) -> str:
    """Three decimals, so that figures align; a negative figure has a real minus sign."""
    if value is None or not math.isfinite(value):
        return NOT_A_FIGURE
    return f"{value:.3f}".replace("-", "\u2212")


def change(value: float | None) -> str:
    """As `metric`, always with its sign."""
    if value is None or not math.isfinite(value):
        return NOT_A_FIGURE
    return f"{value:+.3f}".replace("-", "\u2212")


def interval(lower: float | None, upper: float | None) -> str:
    """ "0.630 to 0.675", or empty when an end is unknown."""
    ends = (lower, upper)
    if any(end is None or not math.isfinite(end) for end in ends):
        return ""
    return f"{metric(lower)} to {metric(upper)}"


def share(value: float) -> str:
    """0.2251 → "22.5 %"; a share above 0 is not written as 0 %, and one below 1 not as 100 %."""
    if not math.isfinite(value):
        return NOT_A_FIGURE
    if 0 < value < 0.001:
        return f"<0.1{NO_BREAK}%"
    if 0.999 < value < 1:
        return f">99.9{NO_BREAK}%"
    text = f"{100 * value:.1f}"
    return f"{text.removesuffix('.0')}{NO_BREAK}%"


def duration(seconds: float) -> str:
    """2.134 → "2.1 s", 187 → "3 min 07 s"."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}{NO_BREAK}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}{NO_BREAK}h {minutes:02d}{NO_BREAK}min"
    return f"{minutes}{NO_BREAK}min {rest:02d}{NO_BREAK}s"


def size(octets: float) -> str:
    """1181116006 → "1.1 GiB"."""
    for unit in ("B", "KiB", "MiB"):
        if octets < 1024:
            return f"{octets:.0f}{NO_BREAK}{unit}"
        octets /= 1024
    return f"{octets:.1f}{NO_BREAK}GiB"


def noun(number: int, one: str) -> str:
    """(1, "row") → "row", (3, "row") → "rows": what follows a figure that stands in an element of its own."""
    return noun_form(number, one)


def plural(number: int, noun: str) -> str:
    """(1, "check") → "1 check", (3, "check") → "3 checks"."""
    return counted(number, noun, space=NO_BREAK)
