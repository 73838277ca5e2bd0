"""The folders of configurations, and relative paths in them made absolute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.yaml_document import Document

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
_PATH_KEYS = (
    ("data", "source"),
    ("data", "serving_log"),
    ("schema_file",),
    ("tuner", "frozen"),
    ("evaluator", "baseline", "metrics_file"),
    ("evaluator", "baseline", "saved_model"),
)


def resolve_paths(document: Document, file: Path) -> None:
    """Makes the paths in `document` absolute. `package:…`, `gs://…` and the like stay as they are."""
    for path in _PATH_KEYS:
        section: Any = document.value
        for key in path[:-1]:
            section = section.get(key) if isinstance(section, dict) else None
        if not isinstance(section, dict) or path[-1] not in section:
            continue
        value = section[path[-1]]
        typed = document.place(path).typed
        if isinstance(value, list):
            section[path[-1]] = [_absolute(each, path, file, typed) for each in value]
        elif value is not None:
            section[path[-1]] = _absolute(value, path, file, typed)


def _absolute(value: Any, path: tuple[str, ...], file: Path, typed: bool) -> Any:
    """An absolute path; a value that is no path is left to validation."""
    if not isinstance(value, str) or not value or is_address(value):
        return value
    return str(_start(value, path, file, typed) / Path(value).expanduser())


def is_address(value: str) -> bool:
    """Whether a path is not on this machine's disk: an address, or a file inside a package."""
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


def shown(file: Path) -> str:
    """A file's name in messages: relative to the repository, if it is inside it."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)
