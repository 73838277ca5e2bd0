"""`--set train.epochs=2`: values of the command line that replace those of the YAML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.errors import SluiceError
from core.text import did_you_mean
from core.yaml_document import Document, KeyPath, Place, read_value
from pipeline.config.errors import EXPLAIN, all_keys_command, dotted, unknown_key_in_words
from pipeline.config.shapes import child, fields_of


def apply_overrides(document: Document, overrides: Sequence[str], shape: Any, place: str | None = None) -> None:
    """Changes `document` in place; a later override wins over an earlier one. `place` is what sentences call the place
    where they were given; None: each by its own `--set KEY=VALUE`.

    Raises:
      SluiceError: when one is not KEY=VALUE, or names a key or an item that does not exist.
    """
    for number, override in enumerate(overrides):
        shown = place or f"--set {override}"
        dotted_key, equals, text = override.partition("=")
        if not equals or not all(part.strip() for part in dotted_key.split(".")):
            raise SluiceError(f"{shown}: write it as KEY=VALUE, e.g. --set train.epochs=2", f"All keys:  {EXPLAIN}")
        keys = [part.strip() for part in dotted_key.split(".")]
        # Before every line of the file: errors in overrides are reported first.
        put(document, keys, read_value(text, shown), Place(number - len(overrides), shown, typed=True), shape)


def put(document: Document, keys: Sequence[str], value: Any, place: Place, shape: Any) -> None:
    """Sets the value under the dotted `keys`; sections that are not there yet are made.

    Raises:
      SluiceError: when there can be no such key or item.
    """
    container: Any = document.value
    path: KeyPath = ()
    root = shape
    for depth, key in enumerate(keys):
        step, below = _step(container, shape, path, key, place, root)
        path = (*path, step)
        if depth == len(keys) - 1:
            container[step] = value
            _note(document, path, place)
            return
        if _absent(container, step):
            container[step] = {}
            _note(document, path, place)
        container, shape = container[step], below


def _step(container: Any, shape: Any, path: KeyPath, key: str, place: Place, root: Any) -> tuple[str | int, Any]:
    """The key or index for `key`, and the type of its value."""
    if isinstance(container, list):
        index = _index(container, path, key, place)
        return index, child(shape, index)
    if not isinstance(container, dict) or not (child(shape, key) or fields_of(shape)):
        raise SluiceError(f"{place.text}: `{dotted(path)}` is a single value and has no keys below it")
    if child(shape, key) is None:
        sentence = unknown_key_in_words(shape, (), key, (*path, key))
        raise SluiceError(f"{place.text}: {sentence}", all_keys_command(root, path))
    return key, child(shape, key)


def _index(items: list[Any], path: KeyPath, key: str, place: Place) -> int:
    """An item by its position, or a threshold by its metric."""
    if key.isdecimal():
        if int(key) < len(items):
            return int(key)
        raise SluiceError(f"{place.text}: `{dotted(path)}` has {len(items)} items, counted from 0; set the whole list")
    metrics = [item.get("metric") if isinstance(item, dict) and not item.get("slice") else None for item in items]
    if metrics.count(key) == 1:
        return metrics.index(key)
    known = sorted({str(metric) for metric in metrics if metric is not None})
    others = f"there are {', '.join(known)}; items can also be named by number, from 0"
    none = "name the item by its number, from 0, or set the whole list"
    hint = did_you_mean(key, known, f"; {others if known else none}")
    raise SluiceError(f"{place.text}: `{dotted(path)}` has no item `{key}` that covers all rows{hint}")


def _absent(container: Any, step: str | int) -> bool:
    return isinstance(container, dict) and container.get(str(step)) is None


def _note(document: Document, path: KeyPath, place: Place) -> None:
    for known in [known for known in document.places if known[: len(path)] == path]:
        del document.places[known]
    document.places[path] = place
