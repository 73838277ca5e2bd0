"""The files beside a module that its code names: a vocabulary, a table in JSON. They decide what it computes, so they
count in the cache key like its code. Nothing is imported, and nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

_LOOKS_LIKE_A_FILE = re.compile(r"[^\n]{0,200}\.[A-Za-z0-9]{1,10}")
_IN_SOURCE = re.compile(rb"\.[A-Za-z0-9]{1,10}[\"']")
_DEEPEST = 2  # folders below the module's; deeper lie the outputs of runs, which must not count
_MOST_FILES = 5000
_NO_DATA = {".py", ".pyc", ".pyi"}


def files_named_in(file: Path) -> list[Path]:
    """The files that string constants of a module name: by their path or name beside the module and up to two folders
    below, in the current folder, or by an absolute path. What is computed, as the text of an f-string, stands for
    anything."""
    stat = file.stat()
    patterns = _patterns(file, stat.st_mtime_ns)
    if not patterns:
        return []
    found = {path for path in _below(file.parent) if any(_names(each, path, file.parent) for each in patterns)}
    here = Path.cwd()  # an absolute path behind it stands for itself
    found |= {place for each in patterns if "*" not in each and _is_file(place := here / each)}
    return sorted(path for path in found if path.suffix not in _NO_DATA)


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except OSError:  # a text that is too long for a name, or a place in another user's folder
        return False


@lru_cache(maxsize=1024)
def _patterns(file: Path, _changed: int) -> tuple[str, ...]:
    source = file.read_bytes()
    if not _IN_SOURCE.search(source):
        return ()
    return tuple(dict.fromkeys(text for text in _texts(ast.parse(source)) if _LOOKS_LIKE_A_FILE.fullmatch(text)))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (str(each.value) if isinstance(each, ast.Constant) else "*" for each in node.values)
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # `name + ".txt"`: a suffix alone stands for all files that end so.
            yield f"*{node.value}" if re.fullmatch(r"\.\w+", node.value) else node.value.removeprefix("./")


def _names(pattern: str, path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder).as_posix()
    return fnmatch(inside, pattern) or fnmatch(inside, f"*/{pattern}")


def _below(folder: Path) -> list[Path]:
    return [path for path, _ in zip(_walked([folder], _DEEPEST), range(_MOST_FILES), strict=False)]


def _walked(folders: Iterable[Path], deeper: int) -> Iterator[Path]:
    for folder in folders:
        try:
            inside = sorted(each for each in folder.iterdir() if not each.name.startswith((".", "__")))
        except OSError:  # another user's, or gone
            continue
        yield from (each for each in inside if each.is_file())
        if deeper:
            yield from _walked((each for each in inside if each.is_dir()), deeper - 1)
