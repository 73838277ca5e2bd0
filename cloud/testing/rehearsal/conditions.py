"""Conditions of tasks: the part of CEL that pipeline compilers write, parsed and never evaluated as Python.

Values: texts, numbers, `true`, `false`, `null`, lists, and `inputs` with `.name`, `['name']` and `[0]` behind it.
Operators, loosest first: `||`, `&&`, `== != < <= > >= in`, `+`, `!`. Functions: `string()`, `int()`, `double()`.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign>\|\||&&|==|!=|<=|>=|[<>!()\[\].,+])
    )""",
    re.VERBOSE,
)
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
}
_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "string": lambda value: value if isinstance(value, str) else json.dumps(value),
    "int": lambda value: int(float(value)),
    "double": float,
}


class ConditionError(Exception):
    """A condition that cannot be read or has no value."""


def holds(condition: str, inputs: Mapping[str, Any]) -> bool:
    """Whether a condition is true of a task's inputs: `artifacts`, `parameter_values` and `parameters`.

    Raises:
        ConditionError: it cannot be read, it names an input that is not there, or it is no truth value.
    """
    reader = _Reader(condition, inputs)
    value = reader.either()
    if reader.tokens:
        raise reader.error(f"what comes after {reader.tokens[0][1]!r} is not understood")
    if not isinstance(value, bool):
        raise reader.error(f"its value is {value!r}")
    return value


class _Reader:
    """Recursive descent. Both sides of `&&` and `||` are evaluated: a name that is not there is always an error."""

    def __init__(self, text: str, inputs: Mapping[str, Any]) -> None:
        self.text = text
        self.inputs = inputs
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if found is None:
                raise self.error(f"{text[position:]!r} is not understood")
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            position = found.end()

    def error(self, why: str) -> ConditionError:
        return ConditionError(f"the condition {self.text!r} has no value: {why}.")

    def either(self) -> Any:
        value = self.both()
        while self.took("||"):
            other = self.both()
            value = self.truth(value) or self.truth(other)
        return value

    def both(self) -> Any:
        value = self.compared()
        while self.took("&&"):
            other = self.compared()
            value = self.truth(value) and self.truth(other)
        return value

    def compared(self) -> Any:
        value = self.added()
        if self.tokens and self.tokens[0][1] in _COMPARED and self.tokens[0][0] != "text":
            sign = self.next()[1]
            value = self.applied(_COMPARED[sign], value, sign, self.added())
        return value

    def added(self) -> Any:
        value = self.value()
        while self.took("+"):
            value = self.applied(operator.add, value, "+", self.value())
        return value

    def applied(self, function: Callable[[Any, Any], Any], left: Any, sign: str, right: Any) -> Any:
        try:
            return function(left, right)
        except TypeError as problem:
            raise self.error(f"{left!r} {sign} {right!r} is not defined") from problem

    def value(self) -> Any:
        if self.took("!"):
            return not self.truth(self.value())
        kind, token = self.next()
        if (kind, token) == ("sign", "("):
            value = self.either()
            self.expect(")")
            return value
        if (kind, token) == ("sign", "["):
            return self.listed()
        if kind == "number":
            return float(token)
        if kind == "text":
            return _unquoted(token)
        if token in _FUNCTIONS and self.took("("):
            value = _FUNCTIONS[token](self.either())
            self.expect(")")
            return value
        if token in _WORDS:
            return _WORDS[token]
        if token == "inputs":
            return self.within(self.inputs, token)
        raise self.error(f"{token!r} is not understood")

    def listed(self) -> list[Any]:
        values: list[Any] = []
        while not self.took("]"):
            values.append(self.either())
            if not self.took(","):
                self.expect("]")
                break
        return values

    def within(self, value: Any, path: str) -> Any:
        while self.tokens and self.tokens[0][1] in (".", "["):
            if self.took("."):
                key: Any = self.next()[1]
            else:
                self.expect("[")
                kind, token = self.next()
                key = _unquoted(token) if kind == "text" else int(token) if token.isdigit() else token
                self.expect("]")
            path = f"{path}[{key!r}]"
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError) as problem:
                raise self.error(f"there is no {path}") from problem
        return value

    def truth(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.error(f"{value!r} is neither true nor false")
        return value

    def took(self, sign: str) -> bool:
        if self.tokens and self.tokens[0] == ("sign", sign):
            self.tokens.pop(0)
            return True
        return False

    def expect(self, sign: str) -> None:
        if not self.took(sign):
            raise self.error(f"{sign!r} is missing")

    def next(self) -> tuple[str, str]:
        if not self.tokens:
            raise self.error("it ends too early")
        return self.tokens.pop(0)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
