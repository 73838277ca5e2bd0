"""The container image holds what the repository pins, and all of our packages."""

import re
from pathlib import Path

from core.packages import PACKAGES
from runners.provenance import ROOT
from runners.vertex.image_contents import BESIDE

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")


def _argument(name: str) -> str:
    [value] = set(re.findall(rf"^ARG {name}=(\S+)$", DOCKERFILE, flags=re.MULTILINE))
    return str(value)


def _locked(package: str, lock: Path = ROOT / "requirements.lock") -> str:
    [version] = re.findall(rf"^{re.escape(package)}(?:\[\w+\])?==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return str(version)


def test_the_boot_entry_is_that_of_the_locked_beam() -> None:
    assert _argument("BEAM_VERSION") == _locked("apache-beam")


def test_the_installer_is_that_of_the_set_up() -> None:
    script = (ROOT / "scripts/setup_environment.sh").read_text(encoding="utf-8")
    [version] = re.findall(r"^UV_VERSION=(\S+)$", script, re.MULTILINE)
    assert _argument("UV_VERSION") == version


def test_the_python_is_that_of_the_repository() -> None:
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert f"python:{version}-" in _argument("PYTHON_IMAGE")
    assert f"--python python{version} " in DOCKERFILE


def test_every_package_of_ours_is_copied_and_compiled() -> None:
    copied = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    [compiled] = re.findall(r"compileall -q (.*)$", DOCKERFILE, flags=re.MULTILINE)
    assert {f"!{package}" for package in PACKAGES} <= set(copied)
    assert set(PACKAGES) == set(compiled.split())


def test_a_rehearsal_has_what_the_image_has() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    # The lock of the GPU's libraries is read while the image is built.
    assert let_in - {"deploy/requirements-gpu.lock"} == {*PACKAGES, *BESIDE}


def test_every_library_of_the_gpu_has_a_hash_and_none_is_locked_twice() -> None:
    lock = (ROOT / "deploy/requirements-gpu.lock").read_text(encoding="utf-8")
    names = re.findall(r"^(\S+)==", lock, re.MULTILINE)
    assert names
    assert all(name.startswith("nvidia-") for name in names)
    assert len(re.findall(r"^\S+==.* \\\n +--hash=sha256:", lock, re.MULTILINE)) == len(names)
    assert not {name for name in names if f"\n{name}==" in (ROOT / "requirements.lock").read_text(encoding="utf-8")}


def test_the_image_runs_as_no_root_and_starts_beams_boot_entry() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\S+)$", last, re.MULTILINE) == ["sluice"]
    assert 'ENTRYPOINT ["/opt/apache/beam/boot"]' in last
