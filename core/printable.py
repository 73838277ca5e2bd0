"""Text for a terminal: names, values and messages from data never move its cursor nor begin a line of ours."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any, TextIO

# What a terminal executes (C0 and C1 controls, DEL), what reorders or hides letters (the formats of Unicode, except the
# joiners that scripts and emoji need), and the halves of surrogate pairs, which no stream can encode.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_BREAK = re.compile(r"[\n\t]")
_INDENT = " " * 8


def printable(text: str) -> str:
    r"""The text with its control characters in letters, such as \x1b; lines and tabs stay."""
    return _UNSAFE.sub(_in_letters, text)


def one_line(text: str) -> str:
    r"""As `printable`, also without line breaks: a name such as "a\nPUSHED" must not look like a line of ours."""
    return _BREAK.sub(_in_letters, printable(text))


def hanging(text: str) -> str:
    """As `printable`; each line after the first is indented, so that only what prints it begins a line."""
    first, *others = printable(text).split("\n")
    return "\n".join([first, *(line if line.startswith(" ") or not line else _INDENT + line for line in others)])


def json_text(value: Any, encoding: str = "utf-8") -> str:
    r"""`value` as indented JSON that a terminal can show: the same value, its control characters as \u009b; so are all
    letters beyond ASCII where `encoding` lacks one of them.

    Raises:
      ValueError: when a number is NaN or infinite, which JSON does not know.
    """
    text = _UNSAFE.sub(_in_json, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return _UNSAFE.sub(_in_json, json.dumps(value, indent=2, allow_nan=False))
    return text


def show_text(text: str, stream: TextIO | None = None) -> None:
    """Print `text` as `hanging` makes it, on standard output or on `stream`."""
    print(hanging(text), file=stream, flush=True)


def show_page(text: str) -> None:
    """Print a text of several lines of ours, as `printable` makes it."""
    print(printable(text), flush=True)


def show_json(value: Any) -> None:
    """Print `value` as `json_text` makes it for the encoding of standard output."""
    print(json_text(value, sys.stdout.encoding or "utf-8"), flush=True)


def show_error(problem: object) -> None:
    """Print a user's error on standard error: one sentence and the next command."""
    show_text(f"sluice: {problem}", sys.stderr)


class PrintableFormatter(logging.Formatter):
    """The format of a log that goes to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; `logging` calls this."""
        return printable(super().format(record))


def _in_letters(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")


def _in_json(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]
