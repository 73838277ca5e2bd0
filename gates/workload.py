"""The part of a workload's YAML that the gates need: the roles of its columns, and the section `gates`. The pipeline
validates the rest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from core.errors import SluiceError
from core.text import did_you_mean, nearest, suggestion
from core.yaml_document import Document, KeyPath, read_document
from gates.data.declared import Declared, PredictionConfig
from gates.verdict.settings import CheckSettings, GateSettings, Waiver
from sources.csv_form import CsvForm
from sources.kinds import KIND_OF_OVERRIDE
from sources.reading import AS_USUAL, Reading

_SPLITS = ("row", "entity", "time", "column")
_TYPES = tuple(KIND_OF_OVERRIDE)
_SECTIONS = ("data", "prediction", "split", "gates")
_KEYS = {
    "data": (
        "label",
        "label_expression",
        "class_names",
        "pixel_columns",
        "entity_key",
        "time_column",
        "column_types",
        "csv",
        "ignore_columns",
    ),
    "prediction": ("moments", "made_at", "known_from", "never"),
    "split": ("by", "column"),
}
# Valid keys that look like a key that is read here.
_ALL_KEYS = {*_SECTIONS, *(key for keys in _KEYS.values() for key in keys), "name", "gap", "salt", "train", "test"}
_EXPLAIN = "See what it means:  python runners/local_runner.py --explain data.csv"
_LIST = "All checks:  python -m gates list"


class Workload(Declared, strict=False):
    """What is declared about the data, and the settings of the gates; everything is optional."""

    label_expression: str | None = None
    column_types: Mapping[str, str] = {}
    reading: Reading = AS_USUAL
    settings: GateSettings = GateSettings()


def read_workload(path: str) -> Workload:
    """The workload in a YAML file.

    Raises:
      SluiceError: with the line, when the file, or a key that the gates read, cannot be used.
    """
    document = _read(path)
    _refuse_misspelt(document)
    prediction = _prediction(document)
    return Workload(
        label=_text(document, ("data", "label")),
        label_expression=_text(document, ("data", "label_expression")),
        class_names=_names(document, ("data", "class_names")),
        # Every model of the pipeline classifies; a file without one may describe any table.
        label_kind="classes" if _section(document, "model") or _names(document, ("data", "class_names")) else None,
        pixel_columns=_names(document, ("data", "pixel_columns")),
        entity=_text(document, ("data", "entity_key")),
        time=_text(document, ("data", "time_column")),
        column_types=_column_types(document),
        reading=_reading(document),
        split_by=_split_by(document),
        withheld=frozenset(prediction.withheld_columns()) | _split_column(document),
        absent_by_right=_split_column(document),
        known_after=prediction.known_after(),
        moments_declared=bool(prediction.known_from),
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
    """Refuse a key that looks like a misspelling of one that is read here. The pipeline validates all keys."""
    for section, known in (("", _SECTIONS), *_KEYS.items()):
        given = document.value if not section else _section(document, section)
        for key in given:
            near = nearest(str(key), known, cutoff=0.75) if key not in _ALL_KEYS else None
            if near is not None and near not in given:
                path = (section, key) if section else (key,)
                dotted = ".".join(str(part) for part in path)
                raise SluiceError(f"{document.place(path).text}: unknown key `{dotted}`{suggestion(near)}")


def _split_by(document: Document) -> str | None:
    by = _text(document, ("split", "by"))
    if by not in (None, *_SPLITS):
        message = f"`split.by` must be one of {', '.join(_SPLITS)}, got {by!r}"
        raise SluiceError(f"{document.place(('split', 'by')).text}: {message}.")
    return by


def _split_column(document: Document) -> frozenset[str]:
    """The column that holds the names of splits, if any: it assigns rows and is no feature."""
    column = _text(document, ("split", "column"))
    return frozenset() if column is None else frozenset({column})


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


def _names(document: Document, path: tuple[str, str]) -> tuple[str, ...]:
    names = _section(document, path[0]).get(path[1]) or []
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        text = f"`{'.'.join(path)}` must be a list of names, got {names!r}"
        raise SluiceError(f"{document.place(path).text}: {text}.")
    return tuple(names)


def _column_types(document: Document) -> dict[str, str]:
    path, types = ("data", "column_types"), _section(document, "data").get("column_types") or {}
    if not isinstance(types, dict) or not all(type_ in _TYPES for type_ in types.values()):
        text = f"`data.column_types` must be columns, each with one of {', '.join(_TYPES)}, got {types!r}"
        raise SluiceError(f"{document.place(path).text}: {text}.")
    return {str(column): type_ for column, type_ in types.items()}


def _reading(document: Document) -> Reading:
    section = _section(document, "data")
    given = {key: section[key] for key in Reading.model_fields if section.get(key) is not None}
    try:
        return Reading.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        path: KeyPath = ("data", *problem["loc"])
        dotted = ".".join(str(part) for part in path)
        raise SluiceError(
            f"{document.place(path).text}: `{dotted}` cannot be used: {problem['msg']}.", _EXPLAIN
        ) from None


def reading_with(reading: Reading, given: Mapping[str, Any]) -> Reading:
    """The reading with what is given of `separator`, `decimal`, `thousands`, `missing` and `ignore_columns`, which goes
    over what it says; None and nothing are not given.

    Raises:
      SluiceError: when one cannot be used.
    """
    said = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in given.items()
        if value not in (None, [], ())
    }
    unknown = sorted(set(said) - {*CsvForm.model_fields, "ignore_columns"})
    if unknown:
        raise SluiceError(f"there is no option `{unknown[0]}` of how files are read.", _EXPLAIN)
    ignored = said.pop("ignore_columns", reading.ignore_columns)
    try:
        return Reading.model_validate({"csv": reading.csv.model_dump() | said, "ignore_columns": ignored})
    except ValidationError as error:
        problem = error.errors()[0]
        name = problem["loc"][-1] if problem["loc"] else "csv"
        raise SluiceError(f"`{name}` cannot be used: {problem['msg']}.", _EXPLAIN) from None


def _prediction(document: Document) -> PredictionConfig:
    """The section as the pipeline reads it; an empty key counts as absent, unknown keys are left to the pipeline."""
    section = _section(document, "prediction")
    given = {key: section[key] for key in _KEYS["prediction"] if section.get(key) is not None}
    try:
        return PredictionConfig.model_validate(given)
    except ValidationError as error:
        raise _unusable_prediction(error.errors()[0], document) from None


def _unusable_prediction(problem: Any, document: Document) -> SluiceError:
    """The error for an unusable value; for an item that is no name it shows the whole list."""
    if problem["type"] == "conflict":
        place = document.place(("prediction", *problem["ctx"]["at"])).text
        return SluiceError(f"{place}: {problem['ctx']['sentence']}.")
    key, *inside = problem["loc"]
    path: KeyPath = ("prediction", key, *(inside[:1] if key == "known_from" and "[key]" not in inside else ()))
    wanted: dict[KeyPath, str] = {
        ("prediction", "made_at"): "text",
        ("prediction", "known_from"): "moments with lists of columns",
    }
    value: Any = document.value
    for part in path:
        value = value[part]
    dotted = ".".join(str(part) for part in path)
    return SluiceError(
        f"{document.place(path).text}: `{dotted}` must be {wanted.get(path, 'a list of names')}, got {value!r}."
    )


def _settings_in(document: Document) -> GateSettings:
    return settings_of(_section(document, "gates"), document)


def settings_of(plain: Mapping[str, Any], document: Document | None = None) -> GateSettings:
    """The settings from plain values; `document` is the file that they come from, if any.

    Raises:
      SluiceError: when they are no mapping, or hold an unknown key or a value that cannot be used.
    """
    if not isinstance(plain, Mapping):
        raise SluiceError(f"settings must be a mapping such as the section `gates` of a workload, got {plain!r}.")
    try:
        return GateSettings.model_validate(dict(plain))
    except ValidationError as error:
        problems = error.errors()
        # A misspelt key is also a missing one; the message names the misspelling.
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
    return did_you_mean(str(location[-1]), known, f"; known here: {', '.join(known)}.")


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
