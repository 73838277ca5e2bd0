"""scripts/setup_environment.sh with an installer of three lines in uv's place: its effects and its messages."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

from core.stack import CLASSIC, MODERN, STACKS
from runners.doctor import ROOT, setup_stamp

# Stands in for the installer alone; each call is noted in uv.calls.
UV = """#!/bin/sh
echo "$@" >> "{root}/uv.calls"
case "$1 $2" in
    "python find") echo "$4" ;;
    "venv --python")
        mkdir -p "$4/bin" && printf '#!/bin/sh\\n' > "$4/bin/python" && chmod +x "$4/bin/python"
        echo "version_info = $3.7" > "$4/pyvenv.cfg" ;;
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
    (root / "requirements-modern.lock").write_text("a==2\n")
    (root / "setup.py").write_text("")
    put_uv(root)
    put_glibc(root, "2.36")
    return root


def put_glibc(root: Path, version: str) -> None:
    put(root, "getconf", f'#!/bin/sh\n[ "$1" = GNU_LIBC_VERSION ] && echo "glibc {version}"\n')


def put_uv(root: Path, sync: str = ":") -> None:
    put(root, "uv", UV.format(root=root, sync=sync))


def put(root: Path, name: str, script: str) -> None:
    (root / "bin" / name).write_text(script)
    (root / "bin" / name).chmod(0o755)


def set_up(root: Path, path: str = "/usr/bin:/bin", stack: str | None = None) -> subprocess.CompletedProcess:
    command = ["sh", str(root / "scripts/setup_environment.sh")]
    environment = {"PATH": f"{root}/bin:{path}", "HOME": str(root), **({"SLUICE_STACK": stack} if stack else {})}
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


def test_a_missing_interpreter_is_reported_and_the_old_environment_stays_whole(checkout):
    set_up(checkout)
    before = files_of_venv(checkout)
    put_glibc(checkout, "2.41")
    put(checkout, "uv", "#!/bin/sh\n[ $1 != python ]\n")
    done = set_up(checkout, stack="modern")
    assert done.returncode == 3
    assert "Python 3.13 is not on this machine and could not be fetched" in done.stderr
    assert files_of_venv(checkout) == before


@pytest.mark.parametrize(
    ("glibc", "stack", "reason"),
    [
        ("2.31", CLASSIC, "of the classic stack, as the modern one needs glibc 2.39 and this machine has 2.31:"),
        ("2.38", CLASSIC, "of the classic stack, as the modern one needs glibc 2.39 and this machine has 2.38:"),
        ("2.39", MODERN, "of the modern stack, as this machine has glibc 2.39:"),
        ("2.41", MODERN, "of the modern stack, as this machine has glibc 2.41:"),
    ],
)
def test_a_new_environment_is_of_the_newest_stack_that_loads_on_this_machine(checkout, glibc, stack, reason):
    put_glibc(checkout, glibc)
    done = set_up(checkout)
    assert done.returncode == 0, done.stderr
    assert reason in done.stdout
    assert python_of_venv(checkout) == stack.python
    synced = next(line for line in (checkout / "uv.calls").read_text().splitlines() if line.startswith("pip sync"))
    assert synced.split()[-1] == stack.lock
    assert (checkout / ".venv/sluice-setup").read_text().splitlines()[1] == stack.name


def test_a_stack_can_be_named_and_is_kept_until_another_is(checkout):
    put_glibc(checkout, "2.41")
    first = set_up(checkout, stack="classic")
    assert "of the classic stack, as SLUICE_STACK names it:" in first.stdout
    assert set_up(checkout).stdout == ""
    (checkout / "setup.py").write_text("# changed\n")
    assert "of the classic stack, as .venv has it now:" in set_up(checkout).stdout
    (checkout / ".venv/old").touch()
    assert "of the modern stack, as SLUICE_STACK names it:" in set_up(checkout, stack="modern").stdout
    assert python_of_venv(checkout) == MODERN.python
    assert not (checkout / ".venv/old").exists()


def test_a_set_up_that_waited_for_another_keeps_the_stack_of_that(checkout):
    put_glibc(checkout, "2.41")
    set_up(checkout, stack="classic")
    hidden = (checkout / ".venv").rename(checkout / "made meanwhile")
    command = ["sh", str(checkout / "scripts/setup_environment.sh")]
    environment = {"PATH": f"{checkout}/bin:/usr/bin:/bin", "HOME": str(checkout)}
    lock = (checkout / ".tools/setup.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as second, lock:
        assert second.stdout is not None
        assert "waiting for it" in second.stdout.readline()
        hidden.rename(checkout / ".venv")
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert second.stdout.read() == ""
    assert second.returncode == 0
    assert python_of_venv(checkout) == CLASSIC.python


def test_an_environment_whose_stack_does_not_load_on_this_machine_is_exchanged(checkout):
    put_glibc(checkout, "2.41")
    set_up(checkout)
    put_glibc(checkout, "2.36")
    assert "of the classic stack" in set_up(checkout).stdout
    assert python_of_venv(checkout) == CLASSIC.python


@pytest.mark.parametrize(
    ("glibc", "stack", "sentence"),
    [
        ("2.36", "modern", "the modern stack needs glibc 2.39 or newer, and this machine has 2.36"),
        ("2.36", "rubbish", "SLUICE_STACK is `rubbish`, and the stacks are classic and modern"),
        ("2.28", None, "TFX has packages for glibc 2.31 or newer, and this machine has 2.28"),
        ("", None, "TFX has packages for glibc 2.31 or newer, and this machine has no glibc"),
    ],
)
def test_a_stack_that_this_machine_cannot_have_is_refused_and_the_environment_stays(checkout, glibc, stack, sentence):
    set_up(checkout)
    before = files_of_venv(checkout)
    put_glibc(checkout, glibc)
    done = set_up(checkout, stack=stack)
    assert done.returncode == 3
    assert done.stderr.splitlines()[0] == f"sluice: {sentence}"
    assert len(done.stderr.splitlines()) == 2
    assert files_of_venv(checkout) == before


def test_the_script_and_the_code_agree_on_the_stacks():
    script = (ROOT / "scripts/setup_environment.sh").read_text()
    for stack in STACKS:
        facts = (
            f"TFX={stack.tfx} PYTHON_VERSION={_dotted(stack.python)} GLIBC_NEEDED={_dotted(stack.glibc)} "
            f"LOCK={stack.lock} SIZE={stack.environment_gb}"
        )
        assert f"    {stack.name}) {facts} ;;\n" in script


def files_of_venv(root: Path) -> dict[str, str]:
    return {str(file): file.read_text() for file in (root / ".venv").rglob("*") if file.is_file()}


def python_of_venv(root: Path) -> tuple[int, ...]:
    version = (root / ".venv/pyvenv.cfg").read_text().split()[-1]
    return tuple(int(part) for part in version.split(".")[:2])


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def test_a_full_disk_is_reported_before_anything_is_made(checkout):
    put(checkout, "df", "#!/bin/sh\necho head\necho /dev/x 100 50 50 50% /\n")
    done = set_up(checkout)
    assert "needs 4 GiB of disk" in done.stderr and "50 MiB free" in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_another_machine_is_reported(checkout, system, machine):
    put(checkout, "uname", f"#!/bin/sh\n[ $1 = -s ] && echo {system} || echo {machine}\n")
    done = set_up(checkout)
    assert done.returncode == 3
    assert f"this is {system} on {machine}" in done.stderr
    assert "tfx-bsl, TensorFlow Data Validation and ML Metadata have no packages for Linux on aarch64" in done.stderr


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
        "head",
        "flock",
    ):
        (tools / name).symlink_to(str(shutil.which(name)))
    if python3 is not None:
        put(checkout, "python3", f"#!/bin/sh\n{python3}\n")
    done = set_up(checkout, path=str(tools))
    assert done.returncode == 3
    assert sentence in done.stderr
