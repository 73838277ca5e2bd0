"""The container images hold what the repository pins; the pipeline's all of our packages, the serving image what it
imports."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from core.packages import PACKAGES
from core.stack import IMAGE
from runners.provenance import ROOT
from runners.vertex.image_contents import BESIDE
from tests.house.rules.test_imports import imported

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")


SERVING_LOCK = ROOT / "deploy/requirements-serving.lock"
# Names of packages that differ from those of their modules.
PACKAGE_OF = {"PIL": "pillow", "tensorflow": "tensorflow-cpu", "tensorflow_serving": "tensorflow-serving-api"}
# uvicorn is given these by name.
NAMED_ALONE = {"httptools", "uvloop"}


def _stage(name: str) -> str:
    [stage] = re.findall(rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    return str(stage)


def _argument(name: str) -> str:
    [value] = set(re.findall(rf"^ARG {name}=(\S+)$", DOCKERFILE, flags=re.MULTILINE))
    return str(value)


def _locked(package: str, lock: Path = ROOT / IMAGE.lock) -> str:
    [version] = re.findall(rf"^{re.escape(package)}(?:\[\w+\])?==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return str(version)


def test_the_boot_entry_is_that_of_the_locked_beam() -> None:
    assert _argument("BEAM_VERSION") == _locked("apache-beam")


def test_the_installer_is_that_of_the_set_up() -> None:
    script = (ROOT / "scripts/setup_environment.sh").read_text(encoding="utf-8")
    [version] = re.findall(r"^UV_VERSION=(\S+)$", script, re.MULTILINE)
    assert _argument("UV_VERSION") == version


def test_the_python_and_the_lock_are_those_of_its_stack() -> None:
    version = ".".join(map(str, IMAGE.python))
    assert f"python:{version}-" in _argument("PYTHON_IMAGE")
    assert set(re.findall(r"\bpython(3\.\d+)", DOCKERFILE)) == {version}
    assert set(re.findall(r"\brequirements\S*\.lock\b", _stage("environment"))) == {
        IMAGE.lock,
        "requirements-gpu.lock",
    }


def test_every_package_of_ours_is_copied_and_compiled() -> None:
    copied = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    [compiled] = re.findall(r"compileall -q (.*)$", _stage("sluice"), flags=re.MULTILINE)
    assert {f"!{package}" for package in PACKAGES} <= set(copied)
    assert set(PACKAGES) == set(compiled.split())


def test_a_rehearsal_has_what_the_image_has() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    # These locks are read while an image is built.
    locks = {"deploy/requirements-gpu.lock", "deploy/requirements-serving.lock"}
    assert let_in - locks == {*PACKAGES, *BESIDE}


def test_every_library_of_the_gpu_has_a_hash_and_none_is_locked_twice() -> None:
    lock = (ROOT / "deploy/requirements-gpu.lock").read_text(encoding="utf-8")
    names = re.findall(r"^(\S+)==", lock, re.MULTILINE)
    assert names
    assert all(name.startswith("nvidia-") for name in names)
    assert len(re.findall(r"^\S+==.* \\\n +--hash=sha256:", lock, re.MULTILINE)) == len(names)
    assert not {name for name in names if f"\n{name}==" in (ROOT / IMAGE.lock).read_text(encoding="utf-8")}


def test_the_images_run_as_no_root_and_start_their_entries() -> None:
    for name, entry in (("sluice", '["/opt/apache/beam/boot"]'), ("serving", '["python", "-m", "serving.container"]')):
        stage = _stage(name)
        assert re.findall(r"^USER (\S+)$", stage, re.MULTILINE) == ["sluice"]
        assert re.findall(r"^ENTRYPOINT (.+)$", stage, re.MULTILINE) == [entry]


def test_the_pipelines_image_is_what_is_built_without_a_target() -> None:
    assert re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)[-1] == "sluice"


def test_the_serving_image_has_every_module_of_ours_that_it_imports() -> None:
    files = set(_served_files())
    assert ROOT / "serving/container.py" in files
    needed = {_module(name) for name in _imports(files) if name.partition(".")[0] in PACKAGES}
    assert len(needed) > 10
    assert needed - files == set()


def test_the_serving_image_has_every_package_that_it_imports_and_no_other() -> None:
    elsewhere = {*PACKAGES, *sys.stdlib_module_names}
    tops = {name.partition(".")[0] for name in _imports(set(_served_files()))} - elsewhere
    # The messages of protobuf come with TensorFlow, under `google`.
    packages = {PACKAGE_OF.get(top, top.replace("_", "-")) for top in tops - {"google"}}
    text = (ROOT / "deploy/requirements-serving.in").read_text(encoding="utf-8")
    assert set(re.findall(r"^[a-z].*$", text, re.MULTILINE)) == packages | NAMED_ALONE


def test_the_serving_image_has_the_versions_of_the_lock() -> None:
    text = SERVING_LOCK.read_text(encoding="utf-8")
    found = dict(re.findall(r"^(\S+)==(\S+)", text, re.MULTILINE))
    assert len(re.findall(r"^\S+==.* \\\n +--hash=sha256:", text, re.MULTILINE)) == len(found) > 20
    assert found.pop("tensorflow-cpu") == _locked("tensorflow")
    assert {name: version for name, version in found.items() if version != _locked(name)} == {}


def _served_files() -> Iterator[Path]:
    """The Python files that the stage `serving` copies."""
    stage = _stage("serving").replace("\\\n", " ")
    for line in re.findall(r"^COPY --chown=sluice:sluice (.+)$", stage, re.MULTILINE):
        for source in line.split()[:-1]:
            path = ROOT / source
            yield from path.rglob("*.py") if path.is_dir() else [path]


def _imports(files: set[Path]) -> set[str]:
    return {name for path in files for name in imported(path.read_text(encoding="utf-8"))}


def _module(name: str) -> Path:
    """The file of a dotted name, which may go on with what the module holds."""
    while name:
        for path in (ROOT / f"{name.replace('.', '/')}.py", ROOT / name.replace(".", "/") / "__init__.py"):
            if path.is_file():
                return path
        name = name.rpartition(".")[0]
    raise AssertionError("no file of ours")
