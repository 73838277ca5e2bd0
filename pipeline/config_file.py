"""Reads a workload or environment YAML into its typed configuration; errors name the file, the line and the key."""

from __future__ import annotations

import ast
import difflib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pipeline.config import EnvironmentConfig, Strict, WorkloadConfig
from pipeline.config_hyperparameters import check_classes, check_hyperparameters
from pipeline.config_override import apply_overrides, put
from pipeline.config_profile import apply_profile, profile_names
from pipeline.config_refusal import refusal
from pipeline.config_yaml import Document, Place, read_document
from pipeline.errors import SluiceError
from pipeline.frozen import with_frozen

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "configs"

_Config = TypeVar("_Config", bound=Strict)
_PATH_KEYS = (
    ("data", "source"),
    ("data", "serving_log"),
    ("schema_file",),
    ("tuner", "frozen"),
    ("evaluator", "baseline", "metrics_file"),
    ("evaluator", "baseline", "saved_model"),
)


def load_workload(
    name_or_path: str, overrides: Sequence[str] = (), data: str | None = None, profile: str | None = None
) -> WorkloadConfig:
    """The workload `configs/<name>.yaml`, or the one in a YAML file; `data` is what `--data` says. `overrides` go over
    what the `profile` says.

    Relative paths become absolute: those of the command line start at the current folder, those of the YAML at
    the repository, or at the YAML's own folder when it lies outside.
    """
    file = _find(name_or_path, CONFIGS, "workload")
    document = _read(file)
    apply_profile(document, profile, WorkloadConfig)
    apply_overrides(document, overrides, WorkloadConfig)
    if data is not None:
        put(document, ("data", "source"), data, Place(-len(overrides) - 1, f"--data {data}"), WorkloadConfig)
    resolve_paths(document, file)
    return with_frozen(_validate(document, WorkloadConfig, file), document)


def load_environment(name_or_path: str, overrides: Sequence[str] = ()) -> EnvironmentConfig:
    """The cloud environment `configs/environments/<name>.yaml`, or the one in a YAML file; `overrides` are what the
    options of the same names say (`--bucket my-bucket` is `bucket=my-bucket`)."""
    file = _find(name_or_path, CONFIGS / "environments", "environment")
    document = _read(file)
    apply_overrides(document, overrides, EnvironmentConfig, "--")
    return _validate(document, EnvironmentConfig, file)


def workload_names() -> list[str]:
    """The workloads in `configs/`."""
    return _names(CONFIGS)


def profiles_of(workload: str) -> list[str]:
    """The profiles of a workload in `configs/`; none when its file cannot be read."""
    try:
        return profile_names(_read(CONFIGS / f"{workload}.yaml"))
    except SluiceError:
        return []


def resolve_paths(document: Document, file: Path) -> None:
    """Makes the paths in `document` absolute. `package:…`, `gs://…` and the like stay as they are."""
    for path in _PATH_KEYS:
        section: Any = document.value
        for key in path[:-1]:
            section = section.get(key) if isinstance(section, dict) else None
        if not isinstance(section, dict) or path[-1] not in section:
            continue
        value = section[path[-1]]
        typed = document.place(path).text.startswith("--")
        if isinstance(value, list):
            section[path[-1]] = [_absolute(each, path, file, typed) for each in value]
        elif value is not None:
            section[path[-1]] = _absolute(value, path, file, typed)


def _absolute(value: Any, path: tuple[str, ...], file: Path, typed: bool) -> Any:
    """A path in full; what is none stays as it is, for validation to judge."""
    if not isinstance(value, str) or not value or _is_address(value):
        return value
    return str(_start(value, path, file, typed) / Path(value).expanduser())


def check_references(config: WorkloadConfig) -> None:
    """Whether the modules and the schema that `config` names are there, found without importing any of them."""
    _check_module("preprocessing.module", config.preprocessing.module, ["preprocessing_fn"])
    _check_module("model.module", config.model.module, ["build_model", "search_space"])
    if source := _source_of(config.model.module):
        module, text, given = config.model.module, source.read_bytes(), config.model.hyperparameters
        check_hyperparameters(module, text, given)
        check_classes(module, text, given, config.data.class_names)
    if config.schema_file is not None and not _is_address(config.schema_file):
        _check_schema(Path(config.schema_file), config.name)
    if config.evaluator.baseline is not None:
        from pipeline.baseline import check_baseline

        check_baseline(config.evaluator)


def _check_schema(file: Path, workload: str) -> None:
    if not file.is_file():
        raise SluiceError(
            f"`schema_file` names {_shown(file)}, which does not exist",
            f"Let a run propose one:  python runners/local_runner.py --workload {workload} --until SchemaGen "
            "--set schema_file=null",
        )
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    from gates.comparators import inapplicable

    try:
        schema = text_format.Parse(file.read_text(encoding="utf-8"), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise SluiceError(f"{_shown(file)} is not a schema in protobuf text format: {error}") from None
    for sentence in inapplicable(schema):
        raise SluiceError(f"{_shown(file)}: {sentence}", f"Mend that line:  {_shown(file)}")


def _check_module(key: str, module: str, functions: list[str]) -> None:
    source = _source_of(module)
    if source is None:
        near = difflib.get_close_matches(module, _modules_beside(module), n=1, cutoff=0.5)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        see = f"See:  ls {_shown(ROOT / module.split('.')[0])}"
        raise SluiceError(f"`{key}` names {module}, and there is no such module{hint}", see)
    try:
        names = _names_bound_in(source.read_bytes())
    except SyntaxError as error:
        raise SluiceError(f"{_shown(source)}, line {error.lineno}: {error.msg}; `{key}` names this module") from None
    for function in functions:
        if function not in names and "*" not in names:
            raise SluiceError(f"`{key}` names {module}, and {_shown(source)} has no `{function}`")


def _is_address(value: str) -> bool:
    return "://" in value or value.startswith("package:")


def _start(value: str, path: tuple[str, ...], file: Path, typed: bool) -> Path:
    if typed:
        return Path.cwd()
    folder = file.resolve().parent
    if folder.is_relative_to(ROOT):
        return ROOT
    # A copy of one of our YAML files elsewhere goes on using the schema here.
    if path == ("schema_file",) and not (folder / value).exists() and (ROOT / value).exists():
        return ROOT
    return folder


def _find(name_or_path: str, folder: Path, noun: str) -> Path:
    is_path = "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))
    file = Path(name_or_path).expanduser() if is_path else folder / f"{name_or_path}.yaml"
    if file.is_file():
        return file
    if is_path:
        what = "is a folder, not a YAML file" if file.is_dir() else "does not exist"
        raise SluiceError(f"{name_or_path} {what}", _known(folder, noun))
    near = difflib.get_close_matches(name_or_path, _names(folder), n=1)
    hint = f"; did you mean `{near[0]}`?" if near else f": {_shown(file)} does not exist"
    raise SluiceError(f"there is no {noun} `{name_or_path}`{hint}", _known(folder, noun))


def _names(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.yaml"))


def _known(folder: Path, noun: str) -> str:
    return f"{noun.capitalize()}s in {_shown(folder)}:  {', '.join(_names(folder)) or 'none yet'}"


def _shown(file: Path) -> str:
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)


def _read(file: Path) -> Document:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SluiceError(f"{_shown(file)} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SluiceError(f"{_shown(file)} is not text in UTF-8") from None
    return read_document(text, _shown(file))


def _validate(document: Document, shape: type[_Config], file: Path) -> _Config:
    try:
        config = shape.model_validate(document.value)
    except ValidationError as error:
        raise refusal(error, document, shape) from None
    _check_name(document, file)
    return config


def _check_name(document: Document, file: Path) -> None:
    """A copied YAML that keeps its name would push over the other workload's model."""
    place, name = document.place(("name",)), document.value["name"]
    is_ours = file.resolve().parent in (CONFIGS, CONFIGS / "environments")
    if is_ours and name != file.stem and not place.text.startswith("--"):
        raise SluiceError(f"{place.text}: `name` is {name}, but the file is {file.name}; give both the same name")


def _source_of(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


def _modules_beside(module: str) -> list[str]:
    rooms = dict.fromkeys((module.split(".")[0], "models", "preprocessing"))
    return [f"{room}.{file.stem}" for room in rooms for file in sorted((ROOT / room).glob("[!_]*.py"))]


def _names_bound_in(source: bytes) -> set[str]:
    """The names that a module's top level defines, assigns or imports; `*` when it imports what we cannot see."""
    names: set[str] = set()
    for statement in ast.parse(source).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.add(statement.name)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            names.update(alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(statement, (ast.If, ast.Try)):
            names.add("*")
    return names
