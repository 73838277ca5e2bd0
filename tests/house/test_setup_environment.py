"""scripts/setup_environment.sh with an installer of three lines in uv's place: its effects and its messages."""

import shutil
import subprocess
from pathlib import Path

import pytest

from runners.doctor import ROOT, setup_stamp

# Stands in for the installer alone; each call is noted in uv.calls.
UV = """#!/bin/sh
echo "$@" >> "{root}/uv.calls"
case "$1 $2" in
    "venv --python") mkdir -p "$4/bin" && printf '#!/bin/sh\\n' > "$4/bin/python" && chmod +x "$4/bin/python" ;;
    "pip sync") {sync} ;;
esac
"""


@pytest.fixture
def checkout(tmp_path) -> Path:
    root = tmp_path.resolve() / "a folder"
    (root / "scripts").mkdir(parents=True)
    (root / "bin").mkdir()
    shutil.copy(ROOT / "scripts/setup_environment.sh", root / "scripts")
    (root / "requirements.lock").write_text("a==1\n")
    (root / "setup.py").write_text("")
    put_uv(root)
    return root


def put_uv(root: Path, sync: str = ":") -> None:
    put(root, "uv", UV.format(root=root, sync=sync))


def put(root: Path, name: str, script: str) -> None:
    (root / "bin" / name).write_text(script)
    (root / "bin" / name).chmod(0o755)


def set_up(root: Path, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess:
    command = ["sh", str(root / "scripts/setup_environment.sh")]
    environment = {"PATH": f"{root}/bin:{path}", "HOME": str(root)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")


def calls(root: Path) -> int:
    return len((root / "uv.calls").read_text().splitlines())


def test_a_second_set_up_does_nothing(checkout):
    first = set_up(checkout)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "setup: done"
    before = calls(checkout)
    second = set_up(checkout)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert calls(checkout) == before


def test_the_doctor_agrees_on_what_finished_means(checkout):
    set_up(checkout)
    assert (checkout / ".venv/sluice-setup").read_text().strip() == setup_stamp(checkout)


@pytest.mark.parametrize("name", ["requirements.lock", "setup.py"])
def test_a_changed_lock_or_package_is_installed_into_the_same_environment(checkout, name):
    set_up(checkout)
    (checkout / ".venv/kept").touch()
    (checkout / name).write_text("# changed\n")
    assert set_up(checkout).returncode == 0
    assert (checkout / ".venv/kept").exists()
    assert set_up(checkout).stdout == ""


def test_an_interrupted_set_up_is_made_anew(checkout):
    put_uv(checkout, sync="kill -9 $PPID")
    assert set_up(checkout).returncode != 0
    assert not (checkout / ".venv/sluice-setup").exists()
    (checkout / ".venv/half-a-package").touch()
    put_uv(checkout)
    assert set_up(checkout).returncode == 0
    assert not (checkout / ".venv/half-a-package").exists()


def test_a_moved_folder_is_made_anew(checkout):
    set_up(checkout)
    (checkout / ".venv/old").touch()
    moved = checkout.rename(checkout.parent / "moved")
    put_uv(moved)
    assert set_up(moved).stdout.endswith("setup: done\n")
    assert not (moved / ".venv/old").exists()


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("error: dns error: failed to lookup address", "packages could not be downloaded (is there a network?)"),
        ("write failed: No space left on device", "the disk became full while packages were installed"),
        ("Hash mismatch for `a`", "a package is not the one that requirements.lock pins"),
        ("pyfarmhash: fatal error: Python.h: No such file", "the headers of Python 3.10 are missing"),
        ("something new", "packages could not be installed"),
    ],
)
def test_a_failed_installation_is_reported_in_one_sentence(checkout, output, sentence):
    put_uv(checkout, sync=f"echo '{output}' >&2; exit 1")
    put(checkout, "c++", "#!/bin/sh\n")
    done = set_up(checkout)
    assert done.returncode == 3
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert not (checkout / ".venv/sluice-setup").exists()


def test_a_missing_interpreter_is_reported(checkout):
    put(checkout, "uv", "#!/bin/sh\n[ $1 != venv ]\n")
    assert "Python 3.10 is not on this machine and could not be fetched" in set_up(checkout).stderr


def test_a_full_disk_is_reported_before_anything_is_made(checkout):
    put(checkout, "df", "#!/bin/sh\necho head\necho /dev/x 100 50 50 50% /\n")
    done = set_up(checkout)
    assert "needs 4 GiB of disk" in done.stderr and "50 MiB free" in done.stderr
    assert not (checkout / ".venv").exists()


def test_another_machine_is_reported(checkout):
    put(checkout, "uname", "#!/bin/sh\n[ $1 = -s ] && echo Darwin || echo arm64\n")
    assert "this is Darwin on arm64" in set_up(checkout).stderr


@pytest.mark.parametrize(
    ("python3", "sentence"),
    [
        (None, "neither uv nor python3 is on this machine"),
        ("exit 1", "its venv module is missing"),
        ('mkdir -p "$3/bin" && printf "#!/bin/sh\\nexit 1\\n" > "$3/bin/python" && chmod +x "$3/bin/python"', "by pip"),
    ],
)
def test_without_uv_the_systems_python_fetches_it_or_reports_why_not(checkout, tmp_path, python3, sentence):
    (checkout / "bin/uv").unlink()
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in (
        "sh",
        "cat",
        "cut",
        "dirname",
        "sha256sum",
        "uname",
        "df",
        "awk",
        "mkdir",
        "rm",
        "grep",
        "mv",
        "chmod",
        "flock",
    ):
        (tools / name).symlink_to(str(shutil.which(name)))
    if python3 is not None:
        put(checkout, "python3", f"#!/bin/sh\n{python3}\n")
    done = set_up(checkout, path=str(tools))
    assert done.returncode == 3
    assert sentence in done.stderr
