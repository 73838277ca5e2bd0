"""scripts/test_modern_stack.sh and scripts/in_debian13.sh without root: what they need of a machine stands on PATH as a
script of a line each; looked at is what they do with it and what they refuse."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from core.stack import MODERN
from tests.samples.folders import ROOT

# A machine with an old glibc on which root may do everything. What runs in the namespace is noted where it is made.
MACHINE = {
    "getconf": "echo glibc 2.36",
    "uname": '[ "$1" = -s ] && echo Linux || echo x86_64',
    "id": "echo 0",
    "df": "echo head; echo /dev/x 100000 50 50000 50% /",
    "apt-get": "exit 1",
    "chromium": "",
    "make": 'printf "%s\\n" "stack=${SLUICE_STACK:-}" "$@"',
    "setpriv": 'while [ "$1" != unshare ]; do shift; done; exec "$@"',
    "unshare": 'shift; while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    "debootstrap": 'printf "%s\\n" "$@" >>"$HOME/debootstrap.calls"; mkdir -p "$HOME/.tools/debian13.new/srv"',
}
# In the place of enter_debian13.sh: the set-up makes an environment, any other command ends with 7.
SET_UP = 'mkdir -p "$COPY/.venv" && printf "hash /srv\\nmodern\\n" >"$COPY/.venv/sluice-setup"'
ENTER = 'COPY="$2$3"; shift 3; case "$*" in *setup_environment*) %s ;; *) echo "inside: $*"; exit 7 ;; esac'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "a folder"
    (root / "scripts").mkdir(parents=True)
    (root / "bin").mkdir()
    for name in ("scripts/test_modern_stack.sh", "scripts/in_debian13.sh", ".ci/run"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for name, script in MACHINE.items():
        put(root, name, script)
    set_up_inside_by(root, SET_UP)
    (root / ".gitignore").write_text("bin/\n.tools\ndebootstrap.calls\n*.log\n")
    subprocess.run(["git", "init", "--quiet", root], check=True)
    return root


def put(root: Path, name: str, script: str) -> None:
    (root / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (root / "bin" / name).chmod(0o755)


def set_up_inside_by(root: Path, script: str) -> None:
    (root / "scripts/enter_debian13.sh").write_text(ENTER % script)


def typed(root: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{root}/bin:/usr/bin:/bin", "HOME": str(root), **more}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=root)


def called(root: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return typed(root, "sh", str(root / "scripts/test_modern_stack.sh"), **more)


def times_made(root: Path) -> int:
    calls = root / "debootstrap.calls"
    return calls.read_text().count("trixie") if calls.exists() else 0


def copied(root: Path) -> set[str]:
    copy = root / ".tools/debian13/srv/sluice"
    files = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    return {name for name in files if not name.startswith((".git/", ".venv/", ".tools/"))}


@pytest.mark.parametrize(
    ("program", "script", "sentence", "command"),
    [
        ("id", "echo 1000", "only root can make the Debian 13 folder", "sudo make test-modern"),
        ("unshare", "exit 1", "this machine lets root mount nothing of its own", "docker run --privileged"),
        ("uname", '[ "$1" = -s ] && echo Linux || echo aarch64', "this is Linux on aarch64", "make doctor"),
        ("df", "echo head; echo /dev/x 100 50 5999 50% /", "need 6 GB of disk and", "du -xsh"),
        (
            "debootstrap",
            "echo E: Failed getting release file; exit 1",
            "(is there a network?)",
            "SLUICE_DEBIAN_MIRROR=",
        ),
        ("debootstrap", "echo No space left on device; exit 1", "the disk became full", "du -xsh"),
        ("debootstrap", "echo E: No keyring installed; exit 1", "the keys that prove", "debian-archive-keyring"),
        ("debootstrap", "exit 1", "debootstrap could not make the Debian 13 folder", "tail"),
    ],
)
def test_a_machine_that_cannot_make_the_folder_is_reported_in_one_sentence(
    checkout: Path, program: str, script: str, sentence: str, command: str
) -> None:
    put(checkout, program, script)
    done = called(checkout)
    assert done.returncode == 3
    first, second = done.stderr.splitlines()
    assert first.startswith("sluice: ") and sentence in first
    assert command in second
    assert not (checkout / ".tools/debian13").exists()


def test_debootstrap_is_installed_where_it_is_missing(checkout: Path) -> None:
    (checkout / "bin/debootstrap").rename(checkout / "bin/package")
    without = called(checkout)
    assert without.returncode == 3
    assert "could not be installed" in without.stderr and "sudo apt-get install debootstrap" in without.stderr
    put(checkout, "apt-get", '[ "$1" != install ] || mv "$HOME/bin/package" "$HOME/bin/debootstrap"')
    assert called(checkout).returncode == 7
    assert times_made(checkout) == 1


def test_a_folder_without_git_is_reported(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")
    done = called(checkout, GIT_CEILING_DIRECTORIES=str(checkout.parent))
    assert done.returncode == 3
    assert "is no clone" in done.stderr


def test_a_second_call_finds_the_folder_ready(checkout: Path) -> None:
    first = called(checkout)
    assert "making .tools/debian13" in first.stdout
    put(checkout, "debootstrap", "exit 1")
    put(checkout, "df", "echo head; echo /dev/x 100 50 5 50% /")
    second = called(checkout)
    assert (first.returncode, second.returncode) == (7, 7), second.stderr
    assert "making" not in second.stdout
    assert times_made(checkout) == 1


def test_a_folder_that_was_interrupted_is_made_again(checkout: Path) -> None:
    put(checkout, "debootstrap", f"{MACHINE['debootstrap']}; touch $HOME/.tools/debian13.new/half; kill -9 $PPID")
    assert called(checkout).returncode == -9
    put(checkout, "debootstrap", MACHINE["debootstrap"])
    assert called(checkout).returncode == 7
    assert times_made(checkout) == 2
    assert not (checkout / ".tools/debian13/half").exists()


def test_the_mirror_is_the_one_that_is_named_or_the_machines_own(checkout: Path) -> None:
    put(checkout, "debootstrap", f"{MACHINE['debootstrap']}; exit 1")
    called(checkout)
    put(checkout, "apt-get", "echo cdrom://disc; echo http://near.example/debian/")
    called(checkout)
    called(checkout, SLUICE_DEBIAN_MIRROR="http://named.example/debian")
    mirrors = [line for line in (checkout / "debootstrap.calls").read_text().splitlines() if "://" in line]
    assert mirrors == ["http://deb.debian.org/debian", "http://near.example/debian/", "http://named.example/debian"]


def test_the_working_tree_is_copied_without_what_git_ignores(checkout: Path) -> None:
    (checkout / "setup.log").touch()
    (checkout / "gone.py").touch()
    (checkout / "a name.py").touch()
    (checkout / ".venv").symlink_to(checkout / "bin")
    typed(checkout, "git", "add", "gone.py")
    called(checkout)
    assert {"gone.py", "a name.py", "scripts/in_debian13.sh"} <= copied(checkout)
    assert not {"setup.log", "bin/make"} & copied(checkout)
    (checkout / "gone.py").unlink()
    (checkout / "new.py").touch()
    assert called(checkout).returncode == 7
    assert "gone.py" not in copied(checkout) and "new.py" in copied(checkout)
    assert (checkout / ".tools/debian13/srv/sluice/.venv/sluice-setup").exists()


def test_a_working_tree_that_cannot_be_copied_is_no_fault_of_the_machine(checkout: Path) -> None:
    put(checkout, "tar", "exit 2")
    done = called(checkout)
    assert done.returncode == 1
    assert "the working tree could not be copied" in done.stderr


def test_the_copy_is_a_clone_with_a_commit(checkout: Path) -> None:
    called(checkout)
    assert called(checkout).returncode == 7
    copy = str(checkout / ".tools/debian13/srv/sluice")
    assert typed(checkout, "git", "-C", copy, "log", "--format=%s", "-1").stdout == "The working tree of the checkout\n"
    assert "scripts/in_debian13.sh" in typed(checkout, "git", "-C", copy, "ls-files").stdout.split("\n")


@pytest.mark.parametrize(
    ("logged", "exit_code", "sentence"),
    [
        ("error: dns error: failed to lookup address", 3, "(is there a network?)"),
        ("Failed to fetch: 404 Not Found", 1, "the modern stack could not be installed"),
        ("Hash mismatch for a, after: operation timed out", 1, "the modern stack could not be installed"),
    ],
)
def test_a_set_up_that_fails_is_the_machines_fault_only_without_network(
    checkout: Path, logged: str, exit_code: int, sentence: str
) -> None:
    set_up_inside_by(checkout, f'mkdir -p "$COPY/.tools" && echo "{logged}" >"$COPY/.tools/setup.log"; exit 3')
    done = called(checkout)
    assert done.returncode == exit_code
    assert sentence in done.stderr


def test_a_set_up_that_chooses_another_stack_fails(checkout: Path) -> None:
    set_up_inside_by(checkout, SET_UP.replace("modern", "classic"))
    done = called(checkout)
    assert done.returncode == 1
    assert "did not choose the modern stack" in done.stderr


def test_the_tests_run_inside_with_what_the_user_adds(checkout: Path) -> None:
    [inside] = [line for line in called(checkout, ARGS="-k taxi").stdout.splitlines() if "inside:" in line]
    assert "make" in inside and " test ARGS=" in inside
    assert "tests/unit tests/contract tests/e2e/test_happy_path.py" in inside and inside.endswith("-k taxi")


def test_the_glibc_that_is_new_enough_is_that_of_the_modern_stack() -> None:
    needed = ".".join(map(str, MODERN.glibc))
    assert f"\nGLIBC_NEEDED={needed}\n" in (ROOT / "scripts/test_modern_stack.sh").read_text()


def test_a_machine_with_a_new_glibc_tests_on_itself(checkout: Path) -> None:
    put(checkout, "getconf", "echo glibc 2.41")
    put(checkout, "id", "echo 1000")
    done = called(checkout, ARGS="-k taxi")
    assert done.returncode == 0, done.stderr
    assert "runs on this machine itself" in done.stdout
    assert "stack=modern\n" in done.stdout and "-k taxi" in done.stdout
    assert times_made(checkout) == 0


@pytest.mark.parametrize(("ended", "exit_code"), [(0, 0), (1, 1), (2, 2), (3, 0)])
def test_ci_goes_on_only_where_the_machine_cannot(checkout: Path, ended: int, exit_code: int) -> None:
    (checkout / "scripts/test_modern_stack.sh").write_text(f"exit {ended}\n")
    done = typed(checkout, "bash", str(checkout / ".ci/run"))
    assert done.returncode == exit_code
    assert ("NOT TESTED" in done.stdout) == (ended == 3)


def test_ci_tests_the_modern_stack_once_where_it_is_the_machines_own(checkout: Path) -> None:
    put(checkout, "make", SET_UP.replace("$COPY", str(checkout)))
    (checkout / "scripts/test_modern_stack.sh").write_text("exit 1\n")
    done = typed(checkout, "bash", str(checkout / ".ci/run"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ci: these tests ran on the modern stack")


def test_ci_fails_where_the_tests_of_the_machines_own_stack_fail(checkout: Path) -> None:
    put(checkout, "make", "exit 2")
    (checkout / "scripts/test_modern_stack.sh").write_text("exit 3\n")
    assert typed(checkout, "bash", str(checkout / ".ci/run")).returncode == 2
