"""The doctor's verdict on machines that are made up in a folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runners.doctor import ROOT, Diagnosis, diagnose, main, render, setup_stamp

LOCK = "numpy==1.26.4 \\\n    --hash=sha256:00\nPyYAML==6.0.3 \\\n    --hash=sha256:00\n"


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout whose environment is finished, with two packages."""
    root = tmp_path.resolve() / "checkout"
    packages = root / ".venv/lib/python3.10/site-packages"
    data = packages / "tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"
    for folder in (
        packages / "numpy-1.26.4.dist-info",
        packages / "pyyaml-6.0.3.dist-info",
        data.parent,
        root / ".venv/bin",
    ):
        folder.mkdir(parents=True)
    data.write_text("fare\n1\n")
    for lock in ("requirements.lock", "requirements-modern.lock"):
        (root / lock).write_text(LOCK)
    (root / "setup.py").write_text("")
    (root / ".venv/bin/python").symlink_to(sys.executable)
    (root / ".venv/pyvenv.cfg").write_text("home = /x\nversion_info = 3.10.13\n")
    (root / ".venv/sluice-setup").write_text(setup_stamp(root) + "\n")
    return root


def failed(root: Path, output_dir: str = "", **options) -> dict[str, Diagnosis]:
    checks = diagnose(output_dir or str(root / "out"), root=root, environ={"PATH": "", "HOME": str(root)}, **options)
    return {check.name: check for check in checks if check.required and not check.ok}


def test_a_finished_environment_can_run(checkout):
    assert failed(checkout) == {}


def test_a_fresh_clone_gets_the_command_to_set_up(checkout):
    shutil.rmtree(checkout / ".venv")
    problems = failed(checkout)
    assert set(problems) == {"python", "packages", "taxi data"}
    assert {check.next_command for check in problems.values()} == {"make setup"}


def test_a_package_of_another_version_is_named(checkout):
    packages = checkout / ".venv/lib/python3.10/site-packages"
    (packages / "numpy-1.26.4.dist-info").rename(packages / "numpy-2.0.0.dist-info")
    assert failed(checkout)["packages"].found == "1 of 2 differ (numpy is 2.0.0, not 1.26.4)"


@pytest.mark.parametrize(("version", "lock"), [("3.10", "requirements.lock"), ("3.13", "requirements-modern.lock")])
def test_packages_are_compared_with_the_lock_of_the_environments_stack(monkeypatch, checkout, version, lock):
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.39"))
    (checkout / ".venv/pyvenv.cfg").write_text(f"version_info = {version}\n")
    (checkout / "requirements.lock").write_text("absent==1\n")
    (checkout / "requirements-modern.lock").write_text("absent==2\n")
    assert failed(checkout)["packages"].needed == f"the 1 packages of {lock}"


@pytest.mark.parametrize(
    ("version", "glibc", "needed"),
    [("3.12.1", "2.36", "3.10"), ("3.12.1", "2.39", "3.13"), ("3.13.5", "2.38", "3.10")],
)
def test_an_environment_that_set_up_would_replace_is_no_fault_of_the_machine(
    monkeypatch, checkout, version, glibc, needed
):
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", glibc))
    (checkout / ".venv/pyvenv.cfg").write_text(f"version_info = {version}\n")
    problems = failed(checkout)
    assert "machine" not in problems
    assert problems["python"].found == f"{version} in .venv"
    assert problems["python"].needed.startswith(f"Python {needed} in .venv")
    assert problems["python"].next_command == "make setup"


@pytest.mark.parametrize(
    ("version", "glibc", "ok"),
    [("3.10.13", "2.31", True), ("3.10.13", "2.30", False), ("3.13.5", "2.30", False), ("3.13.5", "2.39", True)],
)
def test_the_c_library_must_load_the_environments_stack(monkeypatch, checkout, version, glibc, ok):
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", glibc))
    (checkout / ".venv/pyvenv.cfg").write_text(f"version_info = {version}\n")
    assert ("machine" not in failed(checkout)) == ok


def test_aarch64_is_refused_by_the_names_of_what_is_missing(monkeypatch, checkout):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    refused = failed(checkout)["machine"]
    assert refused.found.startswith("Linux on aarch64")
    assert "tfx-bsl, TensorFlow Data Validation and ML Metadata have no packages" in refused.needed


def test_an_interrupted_set_up_is_not_taken_for_a_finished_one(checkout):
    (checkout / ".venv/sluice-setup").unlink()
    assert failed(checkout)["packages"].next_command == "make setup"


def test_an_environment_whose_interpreter_is_gone_is_found_out(monkeypatch, checkout):
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    (checkout / ".venv/bin/python").unlink()
    (checkout / ".venv/bin/python").symlink_to("/nonexistent/python3.10")
    assert set(failed(checkout)) == {"python"}


def test_an_output_folder_that_is_a_file_is_refused(checkout):
    (checkout / "out").write_text("")
    assert failed(checkout)["output"].found.endswith("out is a file")


def test_an_output_folder_that_cannot_be_made_is_refused(checkout):
    assert "output" in failed(checkout, "/proc/out")  # not even root writes there


def test_deep_names_the_library_that_does_not_load(checkout):
    (checkout / ".venv/bin/python").unlink()
    (checkout / ".venv/bin/python").write_text("#!/bin/sh\necho 'ImportError: libx.so.1 is missing' >&2\nexit 1\n")
    (checkout / ".venv/bin/python").chmod(0o755)
    assert failed(checkout, deep=True)["libraries"].found == "ImportError: libx.so.1 is missing"


def test_cloud_and_browser_are_not_required(checkout):
    checks = {
        check.name: check for check in diagnose(str(checkout), root=checkout, environ={"PATH": "", "HOME": "/none"})
    }
    for name in ("google", "browser"):
        assert not checks[name].ok and not checks[name].required
        assert checks[name].next_command


def test_credentials_are_found_and_not_opened(checkout):
    file = checkout / "key.json"
    os.mkfifo(file)  # to open it would block for ever
    named = {"GOOGLE_APPLICATION_CREDENTIALS": str(file), "PATH": ""}
    file_at = {check.name: check for check in diagnose(str(checkout), root=checkout, environ=named)}
    assert not file_at["google"].ok  # not a regular file
    file.unlink()
    file.write_text("{}")
    file.chmod(0)
    assert {c.name: c.ok for c in diagnose(str(checkout), root=checkout, environ=named)}["google"]


def test_each_failing_check_ends_with_the_next_command():
    checks = [
        Diagnosis("disk", False, "1 MiB free", "4 GiB", "du -h"),
        Diagnosis("google", False, "none", "x", "gcloud", False),
    ]
    lines = render(checks).splitlines()
    assert lines[2].strip() == "next:  du -h"
    assert lines[-1] == "This machine cannot run Sluice yet. Next:  du -h"
    assert render(checks[1:]).splitlines()[-1] == "This machine can run Sluice. Next:  make run"


def test_a_path_cannot_act_on_the_terminal():
    text = render([Diagnosis("output", False, "\x1b[2J\nThis machine can run", "\x9b", "ls '\r'")])
    assert text.splitlines()[0].endswith(r"\x1b[2J\nThis machine can run")
    assert not set(text) & set("\x1b\x9b\r")


def test_exit_code_is_three_when_a_required_check_fails(monkeypatch, checkout, capsys):
    monkeypatch.setattr("runners.doctor.diagnose", lambda *_: [Diagnosis("disk", False, "", "", "du")])
    assert main([]) == 3
    monkeypatch.setattr("runners.doctor.diagnose", lambda *_: [Diagnosis("disk", True, "", "", "du")])
    assert main([]) == 0


def test_runs_without_any_package_of_ours_or_others(checkout):
    shutil.rmtree(checkout / ".venv")
    for name in ("runners/doctor.py", "core/__init__.py", "core/stack.py", "core/version.py"):
        (checkout / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    # -S -I: neither site-packages nor the current folder.
    command = [sys.executable, "-S", "-I", str(checkout / "runners/doctor.py"), "--output-dir", str(checkout / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert done.stdout.splitlines()[-1] == "This machine cannot run Sluice yet. Next:  make setup"
