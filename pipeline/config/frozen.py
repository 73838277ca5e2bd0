"""Hyperparameters of an earlier search, used instead of a new one: a small YAML or JSON file, committed."""

from __future__ import annotations

import json
from typing import Any

from core.errors import SluiceError
from core.hyperparameters import BATCH_SIZE, DEFAULT_BATCH_SIZE, Rules
from core.yaml_document import Document, KeyPath, read_document
from pipeline.config.workload import WorkloadConfig
from sources.storage import read_stored


def with_frozen(config: WorkloadConfig, document: Document) -> WorkloadConfig:
    """The configuration with the hyperparameters of `tuner.frozen` in the place of those in the YAML, and nothing left
    to search. `document` holds which values were typed on the command line.

    Raises:
      SluiceError: when the file is missing or holds anything but names and values, or other ones than were typed.
    """
    if config.tuner.frozen is None:
        return config
    found = _read(config.tuner.frozen)
    _check_typed(config, document, found)
    hyperparameters = {**config.model.hyperparameters, **found}
    train = {}
    if BATCH_SIZE in found:
        # Among the hyperparameters it would go before the one of `train`.
        train = {BATCH_SIZE: hyperparameters.pop(BATCH_SIZE)}
    return config.model_copy(
        update={
            "model": config.model.model_copy(update={"hyperparameters": hyperparameters}),
            "train": config.train.model_copy(update=train),
            "tuner": config.tuner.model_copy(update={"enabled": False}),
        }
    )


def frozen_text(hyperparameters: dict[str, Any], workload: str, how: str) -> str:
    """The file that `with_frozen` reads, with comments on its origin and its use."""
    lines = [
        f"# {how}",
        f"# To use it instead of searching, commit it as configs/{workload}.hyperparameters.yaml and say so in",
        f"# configs/{workload}.yaml:",
        "#   tuner:",
        f"#     frozen: configs/{workload}.hyperparameters.yaml",
    ]
    # JSON's values are YAML's too, and text that looks like a number stays text.
    values = (f"{name}: {json.dumps(value)}" for name, value in hyperparameters.items())
    return "\n".join([*lines, *values, ""])


def _check_typed(config: WorkloadConfig, document: Document, found: dict[str, Any]) -> None:
    given: dict[KeyPath, Any] = {
        ("model", "hyperparameters", name): value for name, value in config.model.hyperparameters.items()
    }
    if BATCH_SIZE in config.train.model_fields_set:
        given["train", BATCH_SIZE] = config.train.batch_size
    for path, value in given.items():
        name = str(path[-1])
        if name in found and found[name] != value and _is_typed(document, path):
            raise SluiceError(
                f"`{'.'.join(map(str, path))}` is {value!r} on the command line and {found[name]!r} in "
                f"{config.tuner.frozen}, which `tuner.frozen` names",
                "Go without that file:  --set tuner.frozen=null",
            )


def _is_typed(document: Document, path: KeyPath) -> bool:
    """Whether the command line set this value, a part of it, or a section that contains it."""
    parts = [place for known, place in document.places.items() if known[: len(path)] == path]
    return any(place.typed for place in (document.place(path), *parts))


def _read(file: str) -> dict[str, Any]:
    search = "Search anew:  --set tuner.frozen=null --set tuner.enabled=true"
    try:
        found = read_document(read_stored(file).decode(), f"`tuner.frozen`, {file}").value
    except OSError as problem:
        raise SluiceError(f"`tuner.frozen` names {file}, which cannot be read: {problem.strerror}", search) from None
    except UnicodeDecodeError:
        raise SluiceError(f"`tuner.frozen` names {file}, which is not text in UTF-8", search) from None
    if not all(_is_hyperparameter(name, value) for name, value in found.items()):
        raise SluiceError(
            f"`tuner.frozen` names {file}, which must hold a name and a value a line, such as `learning_rate: 0.001`",
            search,
        )
    size = found.get(BATCH_SIZE, DEFAULT_BATCH_SIZE)
    if wanted := Rules.of({}).wanted(BATCH_SIZE, size):
        raise SluiceError(f"`{BATCH_SIZE}` in {file} is {size!r}, and must be {wanted}", search)
    return found


def _is_hyperparameter(name: Any, value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return isinstance(name, str) and all(isinstance(each, bool | int | float | str) for each in values)
