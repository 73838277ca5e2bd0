"""Turns pydantic's errors about a configuration into one sentence with a file, a line and the next command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import SluiceError
from core.text import nearest, plural, suggestion
from core.yaml_document import Document, KeyPath, Place
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.shapes import all_keys, child, fields_of, in_words, known_part, without_sections

EXPLAIN = "python runners/local_runner.py --explain"


class _Problem(NamedTuple):
    # Unknown keys come first: a misspelt key is also a missing one, and the message names the misspelling.
    rank: tuple[int, Place]
    sentence: str
    section: KeyPath
    suggested: KeyPath | None = None


def refusal(error: ValidationError, document: Document, shape: type[BaseModel]) -> SluiceError:
    """The first problem in reading order, and how many more there are."""
    entries = _entries(error, shape)
    # A value that fits no member of a union has one entry a member: it is one problem.
    problems = {known_part(shape, entry["loc"])[0] or entry["loc"]: entry for entry in reversed(entries)}
    unknown = [_unknown_key(entry, document, shape) for entry in entries if entry["type"] == "extra_forbidden"]
    suggested = {problem.suggested for problem in unknown}
    others = [
        _problem(entry, document, shape)
        for path, entry in problems.items()
        if entry["type"] != "extra_forbidden" and entry["loc"] not in suggested
    ]
    ordered = sorted([*unknown, *others], key=lambda problem: problem.rank)
    first, more = ordered[0], len(ordered) - 1
    tail = f" ({more} more {plural(more, 'problem')} after this one)" if more else ""
    return SluiceError(f"{first.rank[1].text}: {first.sentence}{tail}", all_keys_command(shape, first.section))


def _entries(error: ValidationError, shape: type[BaseModel]) -> list[ErrorDetails]:
    """The errors by their paths in the YAML. A value that may be text or a section and has keys is a section: that it
    is no text is left out."""
    found = [(entry, without_sections(shape, entry["loc"])) for entry in error.errors()]
    inside = [path for entry, path in found if path != entry["loc"]]

    def is_left_out(entry: ErrorDetails, path: KeyPath) -> bool:
        known = known_part(shape, path)[0]
        return path == entry["loc"] and any(each[: len(known)] == known and len(each) > len(known) for each in inside)

    return [{**entry, "loc": path} for entry, path in found if not is_left_out(entry, path)]


def all_keys_command(shape: Any, section: KeyPath) -> str:
    """The command that lists the keys of `section`."""
    prefix = ["environment"] if shape is EnvironmentConfig else []
    named = [*prefix, *(str(part) for part in section if not isinstance(part, int))]
    return f"All keys:  {EXPLAIN} {'.'.join(named)}".rstrip()


def nearest_key(shape: Any, section: KeyPath, key: str) -> KeyPath | None:
    """The known key that is most like an unknown one: in the same section, else anywhere."""
    known = fields_of(type_at(shape, section)) or {}
    if near := nearest(key, known):
        return (*section, near)
    everywhere = {path[-1]: path for path in reversed(list(all_keys(shape)))}
    near = nearest(key, [str(name) for name in everywhere], cutoff=0.8)
    return everywhere[near] if near else None


def unknown_key_in_words(shape: Any, section: KeyPath, key: object, path_given: KeyPath | None = None) -> str:
    """``unknown key `evaluator.treshold`; did you mean `thresholds`?``"""
    sentence = f"unknown key `{dotted(path_given or (*section, str(key)))}`"
    near = nearest_key(shape, section, str(key))
    if near is not None:
        return f"{sentence}{suggestion(str(near[-1]) if near[:-1] == section else dotted(near))}"
    return f"{sentence}; known here: {', '.join(fields_of(type_at(shape, section)) or {})}"


def type_at(shape: Any, path: KeyPath) -> Any:
    """The type of the value at `path`; None when there is no such key."""
    for key in path:
        shape = child(shape, key)
    return shape


def dotted(path: Iterable[str | int]) -> str:
    """`evaluator.thresholds.0.metric`"""
    return ".".join(str(part) for part in path)


def _problem(entry: ErrorDetails, document: Document, shape: type[BaseModel]) -> _Problem:
    if entry["type"] == "missing":
        return _missing_key(entry, document)
    if entry["type"] == "conflict":
        return _conflict(entry, document)
    return _unusable_value(entry, document, shape)


def _unknown_key(entry: ErrorDetails, document: Document, shape: type[BaseModel]) -> _Problem:
    path = entry["loc"]
    section = path[:-1]
    sentence = unknown_key_in_words(shape, section, path[-1])
    return _Problem((0, document.place(path)), sentence, section, nearest_key(shape, section, str(path[-1])))


def _missing_key(entry: ErrorDetails, document: Document) -> _Problem:
    section = entry["loc"][:-1]
    return _Problem((1, document.place(section)), f"the key `{dotted(entry['loc'])}` is missing", section)


def _conflict(entry: ErrorDetails, document: Document) -> _Problem:
    context = entry["ctx"]
    path = (*entry["loc"], *context["at"])
    section = path[:-1] if context["at"] else path
    return _Problem((1, document.place(path)), context["sentence"], section)


def _unusable_value(entry: ErrorDetails, document: Document, shape: type[BaseModel]) -> _Problem:
    path, wanted = known_part(shape, entry["loc"])
    place = document.place(path)
    if entry["loc"][-1] == "[key]":
        parent, key = entry["loc"][:-2], entry["loc"][-2]
        return _Problem((1, place), f"the name {key!r} under `{dotted(parent)}` must be text: put it in quotes", parent)
    value = _value_at(document, path)
    section = path if fields_of(wanted) is not None else path[:-1]
    given = "and is empty; give it a value or remove the line" if value is None else f"got {_shown(value)}"
    words = "a finite number" if entry["type"] == "finite_number" else in_words(wanted)
    return _Problem((1, place), f"`{dotted(path)}` must be {words}, {given}", section)


def _value_at(document: Document, path: KeyPath) -> Any:
    value: Any = document.value
    for key in path:
        value = value[key]
    return value


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return f"a {'mapping' if isinstance(value, dict) else 'list'}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…'"
