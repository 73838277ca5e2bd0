"""Reads a workload or environment YAML into its typed configuration; errors name the file, the line and the key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from core.errors import SluiceError
from core.strict import Strict
from core.text import did_you_mean
from core.yaml_document import Document, Place, read_document
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.errors import refusal
from pipeline.config.frozen import with_frozen
from pipeline.config.overrides import apply_overrides, put
from pipeline.config.paths import CONFIGS, resolve_paths, shown
from pipeline.config.profiles import apply_profile, profile_names
from pipeline.config.workload import WorkloadConfig

_Config = TypeVar("_Config", bound=Strict)


def load_workload(
    name_or_path: str,
    overrides: Sequence[str] = (),
    data: str | None = None,
    profile: str | None = None,
    environment: str | None = None,
) -> WorkloadConfig:
    """The workload `configs/<name>.yaml`, or the one in a YAML file; `data` is what `--data` says. `overrides` go over
    what the `profile` says, and that over what the `environment` says of rollouts and strict gates.

    Relative paths become absolute: those of the command line start at the current folder, those of the YAML at
    the repository, or at the YAML's own folder when it lies outside.

    Raises:
      SluiceError: with file and line, when there is no such workload, profile or environment, or it cannot be used.
    """
    file = _find(name_or_path, CONFIGS, "workload")
    document = _read(file)
    if environment is not None:
        _put_environment(
            document,
            load_environment(environment),
            Place(-len(overrides) - 2, f"--environment {environment}", typed=True),
        )
    apply_profile(document, profile, WorkloadConfig)
    apply_overrides(document, overrides, WorkloadConfig)
    if data is not None:
        put(
            document, ("data", "source"), data, Place(-len(overrides) - 1, f"--data {data}", typed=True), WorkloadConfig
        )
    resolve_paths(document, file)
    return with_frozen(_validate(document, WorkloadConfig, file), document)


def load_environment(name_or_path: str, overrides: Sequence[str] = ()) -> EnvironmentConfig:
    """The cloud environment `configs/environments/<name>.yaml`, or the one in a YAML file; `overrides` are what the
    options of the same names say (`--bucket my-bucket` is `bucket=my-bucket`).

    Raises:
      SluiceError: with file and line, when there is no such environment or it cannot be used.
    """
    file = _find(name_or_path, CONFIGS / "environments", "environment")
    document = _read(file)
    # The options have other names than their keys: `--machine-type` is `training.machine_type`.
    apply_overrides(document, overrides, EnvironmentConfig, "on the command line")
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


def _put_environment(document: Document, cloud: EnvironmentConfig, place: Place) -> None:
    """What an environment says of every workload, wherever it runs."""
    # An environment without the key leaves the workload's; `rollout: null` takes it away.
    if "rollout" in cloud.model_fields_set:
        rollout = cloud.rollout.model_dump(mode="json") if cloud.rollout else None
        put(document, ("serving", "rollout"), rollout, place, WorkloadConfig)
    if cloud.strict_gates:
        put(document, ("gates", "strict"), True, place, WorkloadConfig)


def _find(name_or_path: str, folder: Path, noun: str) -> Path:
    is_path = "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))
    file = Path(name_or_path).expanduser() if is_path else folder / f"{name_or_path}.yaml"
    if file.is_file():
        return file
    if is_path:
        what = "is a folder, not a YAML file" if file.is_dir() else "does not exist"
        raise SluiceError(f"{name_or_path} {what}", _known(folder, noun))
    hint = did_you_mean(name_or_path, _names(folder), f": {shown(file)} does not exist")
    raise SluiceError(f"there is no {noun} `{name_or_path}`{hint}", _known(folder, noun))


def _names(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.yaml"))


def _known(folder: Path, noun: str) -> str:
    lists = "python runners/local_runner.py --list" if folder == CONFIGS else f"ls {folder}"
    return f"All {noun}s:  {lists}"


def _read(file: Path) -> Document:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SluiceError(f"{shown(file)} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SluiceError(f"{shown(file)} is not text in UTF-8") from None
    try:
        return read_document(text, shown(file))
    except SluiceError as problem:
        raise SluiceError(problem.headline, f"See its lines:  cat -n {shown(file)}") from None


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
    if is_ours and name != file.stem and not place.typed:
        raise SluiceError(f"{place.text}: `name` is {name}, but the file is {file.name}; give both the same name")
