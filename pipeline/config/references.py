"""Checks that what the configuration names exists: the schema, the modules, a baseline from outside."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import SluiceError
from core.text import did_you_mean
from pipeline.config.evaluation import EvaluatorConfig
from pipeline.config.hyperparameters import check_classes, check_hyperparameters, source_of
from pipeline.config.paths import ROOT, is_address, shown
from pipeline.config.workload import WorkloadConfig
from sources.storage import is_remote, match_files

if TYPE_CHECKING:
    from gates.evaluation.outside_baseline import OutsideFigures


# Where the modules of workloads lie.
_ROOMS = {"preprocessing.module": "preprocessing", "model.module": "models"}


def outside_figures(config: EvaluatorConfig) -> OutsideFigures | None:
    """The figures of the baseline's `metrics_file`; None without one.

    Raises:
      SluiceError: when they cannot be read or judged.
    """
    if config.baseline is None or config.baseline.metrics_file is None:
        return None
    from gates.evaluation.outside_baseline import read_outside_figures  # numpy; most configurations name no baseline

    return read_outside_figures(config.baseline.metrics_file, config.metrics, config.baseline.no_worse_by)


def check_baseline(config: EvaluatorConfig) -> None:
    """Checks that the baseline from outside exists and can be judged.

    Raises:
      SluiceError: when it is not there, or is none.
    """
    outside_figures(config)
    if config.baseline is None or config.baseline.saved_model is None:
        return
    folder = config.baseline.saved_model
    if not _is_file(f"{folder}/saved_model.pb"):
        is_missing = not is_remote(folder) and not Path(folder).is_dir()
        what = "there is no such folder" if is_missing else "there is no saved_model.pb in it"
        raise SluiceError(
            f"`evaluator.baseline.saved_model` names {folder}, and {what}",
            "A SavedModel is a folder with saved_model.pb and variables/",
        )


def check_references(config: WorkloadConfig) -> None:
    """Checks that the modules and the schema that `config` names exist, without importing any of them.

    Raises:
      SluiceError: for the first that is not there or cannot be used.
    """
    _check_module("preprocessing.module", config.preprocessing.module, ["preprocessing_fn"])
    _check_module("model.module", config.model.module, ["build_model", "search_space"])
    if source := source_of(config.model.module):
        module, text, given = config.model.module, source.read_bytes(), config.model.hyperparameters
        check_hyperparameters(module, text, given)
        check_classes(module, text, given, config.data.class_names)
    if config.schema_file is not None and not is_address(config.schema_file):
        _check_schema(Path(config.schema_file), config.name)
    if config.evaluator.baseline is not None:
        check_baseline(config.evaluator)


def _is_file(path: str) -> bool:
    return path in match_files(path) if is_remote(path) else Path(path).is_file()


def _check_schema(file: Path, workload: str) -> None:
    if not file.is_file():
        raise SluiceError(
            f"`schema_file` names {shown(file)}, which does not exist",
            f"Let a run propose one:  python runners/local_runner.py --workload {workload} --until SchemaGen "
            "--set schema_file=null",
        )
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    from gates.schema.comparators import inapplicable

    try:
        schema = text_format.Parse(file.read_text(encoding="utf-8"), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        sentence = f"{shown(file)} is not a schema in protobuf text format: {error}"
        raise SluiceError(sentence, f"See its lines:  cat -n {shown(file)}") from None
    for sentence in inapplicable(schema):
        raise SluiceError(f"{shown(file)}: {sentence}", f"Mend that line:  {shown(file)}")


def _check_module(key: str, module: str, functions: list[str]) -> None:
    source = source_of(module)
    if source is None:
        hint = did_you_mean(module, _modules_beside(module), cutoff=0.5)
        room = ROOT / module.split(".")[0]
        see = f"See:  ls {shown(room if room.is_dir() else ROOT / _ROOMS[key])}"
        raise SluiceError(f"`{key}` names {module}, and there is no such module{hint}", see)
    try:
        names = _names_bound_in(source.read_bytes())
    except SyntaxError as error:
        raise SluiceError(f"{shown(source)}, line {error.lineno}: {error.msg}; `{key}` names this module") from None
    for function in functions:
        if function not in names and "*" not in names:
            raise SluiceError(f"`{key}` names {module}, and {shown(source)} has no `{function}`")


def _modules_beside(module: str) -> list[str]:
    rooms = dict.fromkeys((module.split(".")[0], "models", "preprocessing"))
    return [f"{room}.{file.stem}" for room in rooms for file in sorted((ROOT / room).glob("[!_]*.py"))]


def _names_bound_in(source: bytes) -> set[str]:
    """The names that a module's top level defines, assigns or imports; `*` when it imports unknown names."""
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
