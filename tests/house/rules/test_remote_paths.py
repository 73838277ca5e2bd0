"""What runs inside components reaches files by `fileio`, `gfile` or `sources/storage.py`, which know gs:// as well as
folders; the standard library's ways to files know only this machine, and make `gs:/…` of an address."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.rules.tree import modules, shown

ROOMS = (
    "pipeline/components/",
    "pipeline/artifacts/",
    "pipeline/evidence/",
    "pipeline/ingest/",
    "pipeline/champion.py",
    "models/training/",
    "models/search/",
    "models/export/",
    "serving/version_folder.py",
)
LOCAL_MODULES = {"pathlib", "os.path", "shutil", "glob"}
LOCAL_OS = {"listdir", "walk", "scandir", "mkdir", "makedirs", "remove", "unlink", "rename", "replace", "rmdir", "stat"}

# What is on this machine wherever the component runs.
ARGUED = {
    "pipeline/artifacts/contents.py": "the times and the inode of a file of this machine; an address goes to gfile",
    "pipeline/champion.py": "a registry in a folder of this machine; one in a bucket has a component of its own",
    "pipeline/components/champion.py": "scratch for a version, which registries fetch to this machine",
    "pipeline/ingest/source.py": "makes a local path absolute, and leaves an address as it is; files inside packages",
    "models/training/hardware.py": "/proc/cpuinfo",
    "models/training/utilisation.py": "/sys/fs/cgroup",
    "models/training/uploads.py": "the local folder that is uploaded while a library writes to it",
    "models/search/fitting.py": "scratch for weights, which Keras writes to local files only",
    "models/search/machines.py": "the import path of a child process",
    "models/export/replay.py": "scratch that is shared with a child process",
    "models/export/fresh_process.py": "scratch that is shared with the parent process",
    "serving/version_folder.py": "scratch for a model that a backend needs on this machine",
}


def test_components_reach_files_by_what_knows_buckets() -> None:
    sources = {shown(path): path.read_text(encoding="utf-8") for path in modules() if shown(path).startswith(ROOMS)}
    assert len(sources) > 60
    found = {name: sorted(set(local_ways(source))) for name, source in sources.items()}
    assert {name: ways for name, ways in found.items() if ways and name not in ARGUED} == {}
    assert {name for name in ARGUED if not found.get(name)} == set(), "an exception that nothing needs"


def local_ways(source: str) -> Iterator[str]:
    """The ways to files of the standard library that a module uses."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in LOCAL_MODULES)
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from ({node.module or ""} | names) & LOCAL_MODULES
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr in {"path", *LOCAL_OS}:
            yield f"os.{node.attr}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "open":
            yield "open"


@pytest.mark.parametrize(
    ("line", "ways"),
    [
        ("from pathlib import Path", ["pathlib"]),
        ("import pathlib", ["pathlib"]),
        ("from os import path", ["os.path"]),
        ("def f(x):\n    import shutil\n    shutil.rmtree(x)", ["shutil"]),
        ("os.path.join(uri, name)", ["os.path"]),
        ("os.makedirs(uri)", ["os.makedirs"]),
        ("with open(uri) as file: pass", ["open"]),
        ("with fileio.open(uri) as file: pass", []),
        ("with tf.io.gfile.GFile(uri) as file: pass", []),
        ("text.replace('a', 'b')", []),
        ("os.environ.get('x')", []),
        ("import posixpath", []),
    ],
)
def test_a_local_way_is_seen_wherever_it_stands(line: str, ways: list[str]) -> None:
    assert list(local_ways(line)) == ways
