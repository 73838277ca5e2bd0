"""Filters of lists as Google's services read them (AIP-160), as far as clients of ours send them.

Terms `path OP value` with `= != < <= > >= :`, joined by AND, OR, NOT and parentheses. After `:` values may be listed
(`a:"x","y"`: any of them). A function of one argument (`in_context("x")`) is true when the list of that name, which the
caller has put into the document, has the argument.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Container, Mapping
from typing import Any

from google.api_core import exceptions

Document = Mapping[str, Any]
Predicate = Callable[[Document], bool]

_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<operator><=|>=|!=|=|<|>|:)
      | (?P<bracket>[(),])
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<word>[^\s(),<>=!:"']+)
    )""",
    re.VERBOSE,
)


_KIND = re.compile(r"\.(number|string|bool)_value$")


def parse_filter(text: str, known: Container[str] | None = None) -> Predicate:
    """Whether `text` holds for a resource, given as the nested dictionary of its fields in snake case.

    Raises:
        InvalidArgument: it cannot be read, or it names a field that is not among the `known` ones.
    """
    parser = _Parser(text)
    if not parser.tokens:
        return lambda _: True
    predicate = parser.alternatives()
    if parser.tokens:
        raise parser.error()
    for field in parser.fields:
        if known is not None and field not in known:
            raise exceptions.InvalidArgument(f"Invalid filter: {text!r} names an unknown field, {field!r}.")
    return predicate


def value_at(document: Document, path: str) -> Any:
    """The value at a dotted path; None where there is none. A name in quotes may hold dots. Behind a property of
    metadata, `.number_value` and the like name the kind of its value, and are that value."""
    value: Any = document
    for name in re.findall(r'"[^"]*"|[^.]+', _KIND.sub("", path) if path.startswith("metadata.") else path):
        value = value.get(name.strip('"')) if isinstance(value, Mapping) else None
    return value


class _Parser:
    """Recursive descent; OR binds closer than AND in Google's filters, unlike in most languages."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.fields: list[str] = []
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if found is None:
                raise self.error()
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            position = found.end()

    def error(self) -> exceptions.InvalidArgument:
        return exceptions.InvalidArgument(
            f"Invalid filter: {self.text!r} (the local server reads terms, AND, OR, NOT)."
        )

    def alternatives(self) -> Predicate:
        parts = [self.either()]
        while self.tokens and self.tokens[0] != ("bracket", ")"):
            if self.tokens[0] == ("word", "AND"):
                self.tokens.pop(0)
            parts.append(self.either())
        return lambda document: all(part(document) for part in parts)

    def either(self) -> Predicate:
        parts = [self.term()]
        while self.tokens and self.tokens[0] == ("word", "OR"):
            self.tokens.pop(0)
            parts.append(self.term())
        return lambda document: any(part(document) for part in parts)

    def term(self) -> Predicate:
        kind, token = self.next()
        if (kind, token) == ("word", "NOT"):
            inner = self.term()
            return lambda document: not inner(document)
        if (kind, token) == ("bracket", "("):
            inner = self.alternatives()
            if self.next() != ("bracket", ")"):
                raise self.error()
            return inner
        if kind not in ("word", "text"):
            raise self.error()
        path = _unquoted(token) if kind == "text" else token
        while path.endswith(".") and self.tokens and self.tokens[0][0] == "text":
            path += self.next()[1]
        path = self.in_snake_case(path)
        operator_kind, sign = self.next()
        if (operator_kind, sign) == ("bracket", "("):
            wanted = self.value()
            if self.next() != ("bracket", ")"):
                raise self.error()
            return lambda document: _has(document.get(path), wanted)
        if operator_kind != "operator":
            raise self.error()
        values = [self.value()]
        while sign == ":" and self.tokens and self.tokens[0] == ("bracket", ","):
            self.tokens.pop(0)
            values.append(self.value())
        return lambda document: any(_holds(value_at(document, path), sign, value) for value in values)

    def in_snake_case(self, path: str) -> str:
        """The path with its field as descriptors spell it, for clients may write `displayName`; the field is noted."""
        field, dot, rest = path.partition(".")
        field = re.sub(r"(?<!^)(?=[A-Z])", "_", field).lower()
        self.fields.append(field)
        return f"{field}{dot}{rest}"

    def value(self) -> str:
        kind, token = self.next()
        if kind not in ("word", "text"):
            raise self.error()
        return _unquoted(token) if kind == "text" else token

    def next(self) -> tuple[str, str]:
        if not self.tokens:
            raise self.error()
        return self.tokens.pop(0)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _holds(found: Any, sign: str, wanted: str) -> bool:
    if sign == ":":
        return _has(found, wanted)
    if sign == "=":
        return found is not None and _matches(found, wanted)
    if sign == "!=":
        return found is None or not _matches(found, wanted)
    if found is None:
        return False
    numbers = _number(found), _number(wanted)
    if None not in numbers:
        return _COMPARED[sign](*numbers)
    return _COMPARED[sign](str(found), wanted)


def _has(found: Any, wanted: str) -> bool:
    if wanted == "*":
        return bool(found)
    if isinstance(found, (list, tuple, Mapping)):
        return any(_matches(each, wanted) for each in found)
    return found is not None and wanted.strip("*") in str(found)


def _matches(found: Any, wanted: str) -> bool:
    if isinstance(found, bool):
        return str(found).lower() == wanted.lower()
    if isinstance(found, (int, float)):
        return _number(wanted) == found
    pattern = re.escape(wanted).replace(r"\*", ".*")
    return re.fullmatch(pattern, str(found), re.DOTALL) is not None


def _number(value: Any) -> float | None:
    """A number, also where JSON has it as text, as it has those of 64 bits."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
