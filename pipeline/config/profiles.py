"""`--profile quick`: named overrides in the YAML itself that replace its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import SluiceError
from core.text import did_you_mean
from core.yaml_document import Document, KeyPath
from pipeline.config.errors import type_at
from pipeline.config.overrides import put
from pipeline.config.shapes import fields_of

KEY = "profiles"
_LIST = "All profiles:  python runners/local_runner.py --list"


def apply_profile(document: Document, name: str | None, shape: Any) -> None:
    """Changes `document` in place; of all profiles only the requested one stays in it, for the record.

    Raises:
      SluiceError: when there is no such profile, or when it is not a mapping of keys to values.
    """
    profiles = document.value.pop(KEY, None) or {}
    if not isinstance(profiles, Mapping):
        raise SluiceError(f"{document.place((KEY,)).text}: `{KEY}` must be a mapping of names to keys with values")
    if name is None:
        return
    if name not in profiles:
        raise _unknown(name, [str(each) for each in profiles], document)
    overrides = profiles[name]
    if not isinstance(overrides, Mapping):
        raise SluiceError(
            f"{document.place((KEY, name)).text}: the profile `{name}` must be keys with values, such as "
            "`train.epochs: 2`"
        )
    for keys, path, value in list(_leaves(overrides, (), (KEY, name), shape)):
        put(document, keys, value, document.place(path), shape)
    document.value[KEY] = {name: dict(overrides)}


def profile_names(document: Document) -> list[str]:
    """The profiles that a workload has, in its order."""
    profiles = document.value.get(KEY)
    return [str(name) for name in profiles] if isinstance(profiles, Mapping) else []


def _leaves(
    overrides: Mapping[Any, Any], keys: tuple[str, ...], path: KeyPath, shape: Any
) -> Iterator[tuple[tuple[str, ...], KeyPath, Any]]:
    """(key path, place in the file, value); a section inside a profile changes only the keys that it names."""
    for key, value in overrides.items():
        below = (*keys, *(part.strip() for part in str(key).split(".")))
        if isinstance(value, Mapping) and fields_of(type_at(shape, below)) is not None:
            yield from _leaves(value, below, (*path, key), shape)
        else:
            yield below, (*path, key), value


def _unknown(name: str, names: list[str], document: Document) -> SluiceError:
    hint = did_you_mean(name, names, f"; it has {', '.join(names) or 'none'}.")
    return SluiceError(f"{document.place(()).text} has no profile `{name}`{hint}", _LIST)
