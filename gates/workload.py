"""The part of a workload's YAML that the gates need: what its columns mean, and the section `gates`. The rest is the
pipeline's to judge."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from core.errors import SluiceError
from core.yaml_document import Document, KeyPath, read_document
from gates.verdict.settings import CheckSettings, GateSettings, Waiver
from sources.kinds import KIND_OF_OVERRIDE

_SPLITS = ("row", "entity", "time", "column")
_TYPES = tuple(KIND_OF_OVERRIDE)
_SECTIONS = ("data", "prediction", "split", "gates")
_KEYS = {
    "data": ("label", "label_expression", "entity_key", "time_column", "column_types"),
    "prediction": ("moments", "made_at", "known_from", "never"),
    "split": ("by",),
}
# Keys that are right and merely look alike one that is read here.
_ALL_KEYS = {*_SECTIONS, *(key for keys in _KEYS.values() for key in keys), "name", "gap", "salt", "train", "test"}
_LIST = "All checks:  python -m gates list"


@dataclass(frozen=True)
class Workload:
    """What is declared about the data; nothing of it is needed for a first look."""

    label: str | None = None
    label_expression: str | None = None
    entity: str | None = None
    time: str | None = None
    column_types: Mapping[str, str] = field(default_factory=dict)
    split_by: str | None = None
    withheld: frozenset[str] = frozenset()
    known_after: Mapping[str, str] = field(default_factory=dict)
    moments_declared: bool = False
    settings: GateSettings = field(default_factory=GateSettings)


def read_workload(path: str) -> Workload:
    """The workload in a YAML file. Raises SluiceError, with the line, for what cannot be used."""
    document = _read(path)
    _refuse_misspelt(document)
    withheld, known_after = _withheld(document)
    return Workload(
        label=_text(document, ("data", "label")),
        label_expression=_text(document, ("data", "label_expression")),
        entity=_text(document, ("data", "entity_key")),
        time=_text(document, ("data", "time_column")),
        column_types=_column_types(document),
        split_by=_split_by(document),
        withheld=withheld,
        known_after=known_after,
        moments_declared=bool(_section(document, "prediction").get("known_from")),
        settings=_settings_in(document),
    )


def _read(path: str) -> Document:
    try:
        return read_document(Path(path).expanduser().read_text(encoding="utf-8-sig"), path)
    except OSError as error:
        what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise SluiceError(f"{path} {what}.", "See:  ls configs") from None
    except UnicodeDecodeError:
        raise SluiceError(f"{path} is not text in UTF-8.", f"Look:  file {path}") from None
    except SluiceError as refused:
        raise SluiceError(f"{refused.headline}.", f"Look:  cat {path}") from None


def _refuse_misspelt(document: Document) -> None:
    """The pipeline knows every key; here those that are read must at least not be missed for a slip of the pen."""
    for section, known in (("", _SECTIONS), *_KEYS.items()):
        given = document.value if not section else _section(document, section)
        for key in given:
            near = difflib.get_close_matches(str(key), known, 1, cutoff=0.75) if key not in _ALL_KEYS else []
            if near and near[0] not in given:
                path = (section, key) if section else (key,)
                dotted = ".".join(str(part) for part in path)
                raise SluiceError(f"{document.place(path).text}: unknown key `{dotted}`; did you mean `{near[0]}`?")


def _split_by(document: Document) -> str | None:
    by = _text(document, ("split", "by"))
    if by not in (None, *_SPLITS):
        told = f"`split.by` must be one of {', '.join(_SPLITS)}, got {by!r}"
        raise SluiceError(f"{document.place(('split', 'by')).text}: {told}.")
    return by


def _section(document: Document, name: str) -> dict[Any, Any]:
    section = document.value.get(name)
    if section is not None and not isinstance(section, dict):
        raise SluiceError(f"{document.place((name,)).text}: `{name}` must be a section of keys.")
    return section or {}


def _text(document: Document, path: tuple[str, str]) -> str | None:
    value = _section(document, path[0]).get(path[1])
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise SluiceError(f"{document.place(path).text}: `{'.'.join(path)}` must be text, got {value!r}.")
    return value


def _column_types(document: Document) -> dict[str, str]:
    path, types = ("data", "column_types"), _section(document, "data").get("column_types") or {}
    if not isinstance(types, dict) or not all(type_ in _TYPES for type_ in types.values()):
        told = f"`data.column_types` must be columns, each with one of {', '.join(_TYPES)}, got {types!r}"
        raise SluiceError(f"{document.place(path).text}: {told}.")
    return {str(column): type_ for column, type_ in types.items()}


def _names(document: Document, path: KeyPath, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        dotted = ".".join(str(part) for part in path)
        raise SluiceError(f"{document.place(path).text}: `{dotted}` must be a list of names, got {value!r}.")
    return value


def _withheld(document: Document) -> tuple[frozenset[str], dict[str, str]]:
    """Columns that are no features, and of those that become known too late, when."""
    section = _section(document, "prediction")
    moments = _names(document, ("prediction", "moments"), section.get("moments", ["request", "outcome"]))
    known_from = section.get("known_from") or {}
    if not isinstance(known_from, dict):
        told = "`prediction.known_from` must be moments with lists of columns"
        raise SluiceError(f"{document.place(('prediction', 'known_from')).text}: {told}.")
    made_at = section.get("made_at", "request")
    for path, moment in (
        (("prediction", "made_at"), made_at),
        *((("prediction", "known_from", m), m) for m in known_from),
    ):
        if moment not in moments:
            told = f"`{moment}` is not one of `prediction.moments` ({', '.join(moments)})"
            raise SluiceError(f"{document.place(path).text}: {told}.")
    later = {
        column: moment
        for moment, columns in known_from.items()
        for column in _names(document, ("prediction", "known_from", moment), columns)
        if moments.index(moment) > moments.index(made_at)
    }
    never = _names(document, ("prediction", "never"), section.get("never") or [])
    return frozenset(later) | frozenset(never), later


def _settings_in(document: Document) -> GateSettings:
    return settings_of(_section(document, "gates"), document)


def settings_of(plain: Mapping[str, Any], document: Document | None = None) -> GateSettings:
    """The settings in plain values; `document` is where they come from, if from a file."""
    if not isinstance(plain, Mapping):
        raise SluiceError(f"settings must be a mapping such as the section `gates` of a workload, got {plain!r}.")
    try:
        return GateSettings.model_validate(dict(plain))
    except ValidationError as error:
        problems = error.errors()
        # A misspelt key is also a missing one, and the spelling is what to mend.
        first = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
        raise _refusal(first, document) from None


def _refusal(problem: Any, document: Document | None) -> SluiceError:
    path: KeyPath = ("gates", *problem["loc"], *problem.get("ctx", {}).get("at", ()))
    while document is not None and path not in document.places and len(path) > 1:
        path = path[:-1]
    place = f"{document.place(path).text}: " if document is not None else ""
    dotted = ".".join(str(part) for part in path)
    if problem["type"] == "conflict":
        sentence = str(problem["ctx"]["sentence"])
        return SluiceError(f"{place}{sentence}{'' if sentence.endswith('?') else '.'}", _LIST)
    if problem["type"] == "extra_forbidden":
        return SluiceError(f"{place}unknown key `{dotted}`{_did_you_mean(problem['loc'])}", _LIST)
    if problem["type"] == "missing":
        missing = ".".join(str(part) for part in ("gates", *problem["loc"]))
        return SluiceError(f"{place}the key `{missing}` is missing.", _LIST)
    return SluiceError(f"{place}`{dotted}` must be {_wanted(problem)}, got {problem['input']!r}.", _LIST)


def _did_you_mean(location: tuple[str | int, ...]) -> str:
    shapes: dict[int, type[BaseModel]] = {1: GateSettings, 3: CheckSettings, 4: Waiver}
    shape = shapes.get(len(location), GateSettings)
    known = list(shape.model_fields)
    near = difflib.get_close_matches(str(location[-1]), known, 1)
    return f"; did you mean `{near[0]}`?" if near else f"; known here: {', '.join(known)}."


def _wanted(problem: Any) -> str:
    name, kind = problem["loc"][-1], str(problem["type"])
    if name == "expires":
        return "a day as YYYY-MM-DD"
    if kind.startswith("bool"):
        return "true or false"
    if kind.startswith(("float", "greater", "finite", "int")):
        return "a number of at least 0"
    if kind == "literal_error":
        return f"one of {problem['ctx']['expected']}"
    if kind.startswith(("model", "dict")):
        return "a section of keys"
    return "a list" if kind.startswith("list") else "text that is not empty"
