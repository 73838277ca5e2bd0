"""Walks the configuration's types: the values that a key allows, also in plain words.

A "shape" is a model, a field of one, or any type annotation inside.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.text import number_within
from core.yaml_document import KeyPath
from pipeline.config.workload import InWords


def fields_of(shape: Any) -> dict[str, FieldInfo] | None:
    """The fields of a section, or of the one that a value may be; None when `shape` is and may be none."""
    sections = _sections_of(shape)
    return sections[0].model_fields if len(sections) == 1 else None


def _sections_of(shape: Any) -> list[type[BaseModel]]:
    parts = (_core_and_limits(part)[0] for part in _alternatives(shape))
    return [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]


def child(shape: Any, key: str | int) -> Any:
    """The type of the value of `key` (a field, a dict's key or a list's index); None when there is no such key."""
    bare = _without_none(shape)
    if (fields := fields_of(bare)) is not None:
        return fields.get(str(key))
    for alternative in _alternatives(bare):
        if get_origin(alternative) is dict and isinstance(key, str):
            return get_args(alternative)[1]
        if get_origin(alternative) is list and isinstance(key, int):
            return get_args(alternative)[0]
    return None


def known_part(shape: Any, location: tuple[str | int, ...]) -> tuple[KeyPath, Any]:
    """The part of a pydantic error's location that is a path in the YAML, and the type found there."""
    path: KeyPath = ()
    for key in location:
        below = child(shape, key)
        if below is None:
            break
        path, shape = (*path, key), below
    return path, shape


def without_sections(shape: Any, location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """A pydantic error's location without the names of sections that stand in it because a value may also be another
    thing than this section."""
    found: tuple[str | int, ...] = ()
    for place, key in enumerate(location):
        below = child(shape, key)
        if below is None:
            sections = {section.__name__: section for section in _sections_of(shape)}
            if key not in sections:
                return (*found, *location[place:])
            below = sections[str(key)]
        else:
            found = (*found, key)
        shape = below
    return found


def all_keys(shape: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The path of every documented key, sections before what they hold; the keys of the items of a list or of a
    mapping stand under it."""
    section = section_of(shape)
    for name, field in (fields_of(section) or {}).items():
        yield (*path, name)
        yield from all_keys(field, (*path, name))


def section_of(shape: Any) -> Any:
    """The section that `shape` is, or is a list or a mapping of; None when it is neither."""
    bare = _without_none(shape)
    if get_origin(bare) in (list, dict):
        bare = get_args(bare)[-1]
    return bare if fields_of(bare) is not None else None


def may_be_text(shape: Any) -> bool:
    """Whether a text can stand in place of a section."""
    return str in _alternatives(shape)


def is_list(shape: Any) -> bool:
    """Whether a list stands under it."""
    return get_origin(_without_none(shape)) is list


def is_mapping(shape: Any) -> bool:
    """Whether names stand under it."""
    return get_origin(_without_none(shape)) is dict


def in_words(shape: Any) -> str:
    """A value of this type in plain words: `a whole number of at least 1`."""
    core, limits = _core_and_limits(shape)
    for limit in limits:
        if isinstance(limit, InWords):
            return limit.words
    if get_origin(core) in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(in_words(part) for part in get_args(core)))
    if get_origin(core) is Literal:
        return "one of " + ", ".join(str(value) for value in get_args(core))
    if get_origin(core) is list:
        return f"a list, each item {in_words(get_args(core)[0])}"
    if get_origin(core) is dict:
        return f"a mapping of names, each to {in_words(get_args(core)[1])}"
    if core is bool:
        return "true or false"
    if core is type(None):
        return "null"
    if core in (int, float):
        return number_within(_bounds(limits), whole=core is int)
    if core is date:
        return "a day as YYYY-MM-DD"
    return "text" if core is str else "a section of keys"


def _bounds(limits: list[Any]) -> dict[str, float]:
    names = ("gt", "ge", "lt", "le")
    return {name: getattr(limit, name) for limit in limits for name in names if hasattr(limit, name)}


def _core_and_limits(shape: Any) -> tuple[Any, list[Any]]:
    if isinstance(shape, FieldInfo):
        inner, extras = shape.annotation, [shape]
    elif get_origin(shape) is Annotated:
        inner, *extras = get_args(shape)
    else:
        return shape, []
    core, limits = _core_and_limits(inner)
    for extra in extras:
        limits = [*limits, *(extra.metadata if isinstance(extra, FieldInfo) else [extra])]
    return core, limits


def _alternatives(shape: Any) -> tuple[Any, ...]:
    core, _ = _core_and_limits(shape)
    return get_args(core) if get_origin(core) in (Union, types.UnionType) else (core,)


def _without_none(shape: Any) -> Any:
    """`X` for `X | None`; limits on a container are dropped, because they do not apply to its items."""
    left = [part for part in _alternatives(shape) if part is not type(None)]
    return _core_and_limits(left[0])[0] if len(left) == 1 else Union[tuple(left)]  # noqa: UP007
