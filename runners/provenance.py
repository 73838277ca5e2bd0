"""The provenance of a run: commit, lock and a fingerprint of our code. Standard library only, a few milliseconds."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.packages import PACKAGES
from core.printable import show_text
from core.stack import IMAGE, Stack, active_stack
from runners.named_files import files_named_in

ROOT = Path(__file__).resolve().parent.parent
# Machinery: what its constants name are files that it writes, or that components pass on.
_READ_NO_FILES = frozenset(PACKAGES) - {"preprocessing", "models"}
_TEMPLATES = "templates"  # the folder that jinja2's PackageLoader reads
IMAGE_COMMIT = "SLUICE_GIT_COMMIT"  # set by deploy/Dockerfile: an image has no git


def git_commit(root: Path = ROOT) -> str | None:
    """The commit that is checked out, with `-dirty` when files differ from it; outside git, the one that the container
    image was built from, or None."""
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    # An ignored folder (a package in the .venv of someone else's project) has no commit of its own.
    if not commit or _git(root, "check-ignore", ".") is not None:
        return os.environ.get(IMAGE_COMMIT)
    return f"{commit}-dirty" if _git(root, "status", "--porcelain", "--", ".") else commit


def lock_hash(root: Path = ROOT, stack: Stack | None = None) -> str | None:
    """The SHA-256 of the lock of `stack`, by default of the one that runs; None where there is no lock, as in an
    installed package."""
    lock = root / (stack or active_stack()).lock
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None


def code_fingerprint(*modules: str, root: Path = ROOT, stack: Stack | None = None) -> str:
    """A hash of `modules`, of all code of ours that they import, and of the lock of `stack`, by default of the one that
    runs: for a component's cache key.

    A package stands for all its modules. Imports are read from the source and nothing is imported, so each component
    depends on exactly what it can reach: an edit in report/ or runners/ leaves every component reusable, an edit in
    models/ leaves Transform reusable. What is found by its dotted path alone (the workload's modules) must be named.
    The templates that a module loads count with it: an edit of the model card registers anew. So do the files that the
    user's modules name, such as a vocabulary beside the preprocessing.
    """
    digest = hashlib.sha256((lock_hash(root, stack) or "no lock").encode())
    for name, file in sorted(reachable_sources(modules, root).items()):
        digest.update(f"\0{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def code_in_image(*modules: str, root: Path = ROOT) -> str:
    """As `code_fingerprint`, for what the container image executes: with the lock of its stack, whichever one compiles
    the pipeline. So both stacks compile the same job."""
    return code_fingerprint(*modules, root=root, stack=IMAGE)


def image_code(root: Path = ROOT) -> str:
    """A hash of all code of ours and of the image's lock: the label `sluice.code` of the container image that holds
    them."""
    return code_in_image(*PACKAGES, root=root)


def reachable_sources(modules: Iterable[str], root: Path = ROOT) -> dict[str, Path]:
    """The source files of `modules` and of whatever of ours they import, by dotted name, and the templates that these
    load and the files that the user's modules name, by their path."""
    bases = [root, *(_folder_holding(name) for name in modules if _file_below(root, name) is None)]
    own_names = frozenset(PACKAGES) | {name.partition(".")[0] for name in modules}
    found: dict[str, Path] = {}
    waiting = [inner for name in modules for inner in _with_everything_inside(name, bases)]
    while waiting:
        name = waiting.pop()
        file = _find(name, bases, own_names)
        if file is None or name in found:
            continue
        found[name] = file
        parent = name.rpartition(".")[0]
        package = name if file.name == "__init__.py" else parent
        reads = _reads(file, package, file.stat().st_mtime_ns)
        waiting += [*([parent] if parent else []), *reads.modules]
        if name.partition(".")[0] not in _READ_NO_FILES:
            found |= {f"{name}/{os.path.relpath(each, file.parent)}": each for each in files_named_in(file)}
        for owner in reads.templates_of:
            if home := _find(owner, bases, own_names):
                folder = home.parent
                found |= {f"{owner}/{each.relative_to(folder)}": each for each in _files_in(folder / _TEMPLATES)}
    return found


def _with_everything_inside(name: str, bases: list[Path]) -> Iterator[str]:
    yield name
    for base in bases:
        folder = base.joinpath(*name.split("."))
        for file in sorted(folder.rglob("*.py")):
            yield ".".join(file.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def _find(name: str, bases: list[Path], own_names: frozenset[str]) -> Path | None:
    for base in bases:
        # In site-packages our neighbours are other people's packages, which the lock answers for.
        if name.partition(".")[0] in own_names or "site-packages" not in base.parts:
            file = _file_below(base, name)
            if file is not None:
                return file
    return None


def _file_below(base: Path, name: str) -> Path | None:
    stem = base.joinpath(*name.split("."))
    for file in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
        if file.is_file():
            return file
    return None


def _folder_holding(name: str) -> Path:
    """The import path's folder that holds the user's own module `name`."""
    top = name.partition(".")[0]
    spec = importlib.util.find_spec(top)
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).parent
    if spec is not None and spec.origin:
        return Path(spec.origin).parent
    raise ValueError(f"there is no source for the module {name}")


def _files_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


@dataclass(frozen=True)
class _Reads:
    """What a module needs when it runs."""

    modules: tuple[str, ...]
    """Every dotted name that it imports, at whatever depth of its code."""
    templates_of: tuple[str, ...]
    """The packages whose templates it loads."""


@lru_cache(maxsize=1024)
def _reads(file: Path, package: str, _changed: int) -> _Reads:
    names: list[str] = []
    owners: list[str] = []
    source = file.read_bytes()
    for node in _that_run(ast.parse(source), calls=b"PackageLoader" in source):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            # What is imported from a package may be one of its modules.
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and _is_named(node.func, "PackageLoader"):
            owners += [str(each.value) for each in node.args[:1] if isinstance(each, ast.Constant)]
    return _Reads(tuple(names), tuple(owners))


def _that_run(tree: ast.AST, calls: bool) -> Iterator[ast.AST]:
    """All nodes of the tree but those below `if TYPE_CHECKING:`, which decide nothing that a component does. Without
    `calls` statements alone, which are few among the nodes."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and _is_named(node.test, "TYPE_CHECKING"):
            waiting += node.orelse
        else:
            waiting += [each for each in ast.iter_child_nodes(node) if calls or not isinstance(each, ast.expr)]


def _is_named(node: ast.expr, name: str) -> bool:
    """Whether the expression is this name, of a module or not."""
    return name in (getattr(node, "id", ""), getattr(node, "attr", ""))


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints; None when it fails or is absent."""
    # Inside a git hook these variables point at the repository that runs the hook.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


if __name__ == "__main__":
    show_text(image_code())
