"""Reads YAML into plain values with the line of every key, so that an error can name it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from core.errors import SluiceError

KeyPath = tuple[str | int, ...]

# libyaml is five times as fast, and absent from some builds of PyYAML.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_AMBIGUOUS = re.compile(r"^(yes|no|on|off)$", re.IGNORECASE)

# From the parser's message to the cause in plain words.
_PLAIN_WORDS = {
    "while scanning an alias": "a value that starts with * needs quotes",
    "while scanning an anchor": "a value that starts with & needs quotes",
    "while scanning a quoted scalar": "a quote is opened and never closed",
    "while parsing a flow sequence": "a list in [ ] misses a comma or its closing bracket",
    "while parsing a flow mapping": "a mapping in { } misses a comma or its closing brace",
    "mapping values are not allowed": "a colon where none may stand: wrong indentation, or text with `: ` unquoted",
    "could not find expected ':'": "a key without `: ` after it",
    "cannot start any token": "a tab, or a text that starts with @, ` or % without quotes",
    "did not find expected key": "wrong indentation, or text after the end of a value",
    "expected <block end>": "wrong indentation, or text after the end of a value",
    "expected a single document": "`---` starts a second document, and there may be only one",
    "did not find expected '-' indicator": "wrong indentation of a list",
    "undefined alias": "a value that starts with * needs quotes",
    "control characters are not allowed": "a control character",
    "special characters are not allowed": "a control character",
}


class _Loader(_Base):
    """Numbers and booleans as in YAML 1.2: 1e-3 is a number; 12:30, 007 and 2013-12-01 are text."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", "<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


@dataclass(frozen=True, order=True)
class Place:
    """Where a key was given. Places sort in the order of the document."""

    rank: int
    text: str = field(compare=False)
    typed: bool = field(default=False, compare=False)  # on the command line, not in a file


@dataclass
class Document:
    """A mapping, and where each of its keys was given."""

    value: dict[Any, Any]
    places: dict[KeyPath, Place]

    def place(self, path: KeyPath) -> Place:
        """Where `path` was given, or the nearest key above it."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]


def read_document(text: str, shown_name: str) -> Document:
    """The mapping in `text`.

    Raises:
      SluiceError: with the line, when the text is no YAML, is empty or no mapping, or gives a key twice.
    """
    root = _compose(text, shown_name)
    if root is None:
        raise SluiceError(f"{shown_name} is empty")
    if not isinstance(root, yaml.MappingNode):
        raise SluiceError(f"{shown_name}, line {_line(root)}: must be keys with values, such as `name: taxi`")
    reader = _Reader(shown_name)
    value = reader.read(root, ())
    return Document(value, {**reader.places, (): Place(0, shown_name)})


def read_value(text: str, shown_name: str) -> Any:
    """One value from a command line.

    Raises:
      SluiceError: when the text is no YAML.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise SluiceError(f"{shown_name}: {_in_plain_words(error)}") from None
    return None if root is None else _Reader(shown_name, show_lines=False).read(root, ())


def _compose(text: str, shown_name: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = f"{shown_name}, line {mark.line + 1}" if mark else shown_name
        raise SluiceError(f"{where}: {_in_plain_words(error)}") from None


def _in_plain_words(error: yaml.YAMLError) -> str:
    text = f"{getattr(error, 'context', None) or ''} {getattr(error, 'problem', None) or error}"
    for parser_words, plain_words in _PLAIN_WORDS.items():
        if parser_words in text:
            return plain_words
    return f"not valid YAML ({' '.join(text.split())})"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


class _Reader:
    """Turns nodes into values; one instance reads one text."""

    def __init__(self, shown_name: str, show_lines: bool = True) -> None:
        self.places: dict[KeyPath, Place] = {}
        self._shown_name = shown_name
        self._show_lines = show_lines
        self._open: list[yaml.Node] = []

    def read(self, node: yaml.Node, path: KeyPath) -> Any:
        if any(node is ancestor for ancestor in self._open):
            raise self._refusal(node, "an alias that contains itself")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._open.append(node)
        value: Any = None
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            value = self._list(node, path)
        self._open.pop()
        return value

    def _list(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        values = []
        for index, item in enumerate(node.value):
            self._note(item, (*path, index))
            values.append(self.read(item, (*path, index)))
        return values

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        own: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._refusal(key_node, "a key must be a word, not a list or a mapping")
            if key_node.tag.endswith(":merge"):
                merged.update(self._merged(value_node, path))
                continue
            key = self._scalar(key_node)
            here = (*path, key)
            if key in own:
                first = self.places[here].text.rpartition(" ")[2]
                where = f" (first on line {first})" if self._show_lines else ""
                raise self._refusal(key_node, f"the key `{_dotted(here)}` is given twice{where}")
            self._note(key_node, here)
            own[key] = self.read(value_node, here)
        return {**merged, **own}

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[Any, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[Any, Any] = {}
        for source in reversed(sources):
            if not isinstance(source, yaml.MappingNode):
                raise self._refusal(node, "`<<` takes a mapping")
            merged.update(self.read(source, path))
        return merged

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text, tag = str(node.value), node.tag.rpartition(":")[2]
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            return int(text)
        if tag == "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if tag != "str":
            raise self._refusal(node, f"the tag `!{tag.lstrip('!')}` is not understood; write the plain value")
        if not node.style and _AMBIGUOUS.match(text):
            raise self._refusal(node, f'`{text}` may mean true or false or text: write true, false or "{text}"')
        return text

    def _note(self, node: yaml.Node, path: KeyPath) -> None:
        self.places[path] = Place(_line(node), f"{self._shown_name}, line {_line(node)}")

    def _refusal(self, node: yaml.Node, sentence: str) -> SluiceError:
        where = f"{self._shown_name}, line {_line(node)}" if self._show_lines else self._shown_name
        return SluiceError(f"{where}: {sentence}")


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)
