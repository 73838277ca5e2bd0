"""Checks whether this machine can run Sluice, and names the next command if not. Standard library only, because it also
runs before the installation: `make doctor` on a fresh clone uses the system's python3 (3.8 or newer)."""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path[:1] = [str(Path(__file__).resolve().parent.parent)]  # a script's own folder would hide the packages

from core.stack import CLASSIC, MODERN, STACKS, Stack
from core.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
GIB = 1024**3
# Measured: a run on 15,002 rows peaks at 1.1 GB and leaves 0.1 GB behind; the environment takes 3.7 GB.
MEMORY = 2 * GIB
DISK_FOR_RUNS = 1 * GIB
DISK_FOR_SETUP = 4 * GIB
TAXI_DATA = "tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"
LIBRARIES = (
    "tensorflow",
    "keras",
    "apache_beam",
    "tfx_bsl.public.tfxio",
    "tensorflow_data_validation",
    "tensorflow_transform",
    "tensorflow_model_analysis",
    "ml_metadata",
    "tfx.components",
)
UNUSABLE = 3


class Diagnosis(NamedTuple):
    """The result of one check, and the command that mends a failure."""

    name: str
    ok: bool
    found: str
    needed: str
    next_command: str
    required: bool = True


def diagnose(
    output_dir: str = "out", deep: bool = False, root: Path = ROOT, environ: dict[str, str] | None = None
) -> list[Diagnosis]:
    """Run every check, the cheap ones first; `deep` also loads the libraries (about ten seconds)."""
    environ = dict(os.environ) if environ is None else environ
    packages = _site_packages(root)
    stack = _stack(root)
    checks = [
        _machine(stack),
        _python(root, stack),
        _environment(root, packages, stack),
        _memory(),
        _cores(),
        _disk(output_dir, packages is not None),
        _output_dir(output_dir),
        _taxi_data(packages),
    ]
    if deep:
        checks.append(_libraries(root))
    return [*checks, _browser(environ), _google_credentials(environ)]


def render(checks: list[Diagnosis], colour: bool = False) -> str:
    """One line for each check, then the next command."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"  {_mark(check, colour)}  {check.name:<{width}}  {_in_letters(check.found)}")
        if not check.ok:
            needed = f"needed{'' if check.required else ' for that'}: {_in_letters(check.needed)}"
            lines.append(f"        {'':<{width}}  {needed}")
            lines.append(f"        {'':<{width}}  next:  {_in_letters(check.next_command)}")
    failed = [check for check in checks if check.required and not check.ok]
    if failed:
        lines.append(f"This machine cannot run Sluice yet. Next:  {_in_letters(failed[0].next_command)}")
    else:
        lines.append("This machine can run Sluice. Next:  make run")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 when this machine can run Sluice, else 3."""
    parser = argparse.ArgumentParser(prog="doctor", description="Say whether this machine can run Sluice.")
    parser.add_argument("--version", action="version", version=f"sluice, version {VERSION}")
    parser.add_argument("--output-dir", default="out", help="the folder that runs will write to (default: out)")
    parser.add_argument("--deep", action="store_true", help="also load TensorFlow and TFX (about ten seconds)")
    options = parser.parse_args(arguments)
    checks = diagnose(options.output_dir, options.deep)
    print(render(checks, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    return UNUSABLE if any(check.required and not check.ok for check in checks) else 0


def _mark(check: Diagnosis, colour: bool) -> str:
    mark, code = ("ok  ", 32) if check.ok else ("FAIL", 31) if check.required else ("none", 33)
    return f"\033[{code}m{mark}\033[0m" if colour else mark


def _in_letters(text: str) -> str:
    """As `core.printable.one_line`, which is not there yet where this file runs alone: a path cannot act on the
    terminal."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _machine(stack: Stack) -> Diagnosis:
    found = f"{platform.system()} on {platform.machine()}"
    name, version = platform.libc_ver()
    ok = platform.system() == "Linux" and platform.machine() == "x86_64" and _glibc() >= stack.glibc
    needed = (
        f"Linux on x86_64 with glibc {_dotted(stack.glibc)} or newer for TFX {stack.tfx}; tfx-bsl, TensorFlow Data "
        "Validation and ML Metadata have no packages for Linux on aarch64"
    )
    container = f'docker run --platform linux/amd64 -it -v "{ROOT}":/sluice -w /sluice python:3.13-trixie make run'
    return Diagnosis("machine", ok, f"{found}, {name or 'no glibc'} {version}".rstrip(), needed, container)


def _python(root: Path, stack: Stack) -> Diagnosis:
    needed = f"Python {_dotted(stack.python)} in .venv (set-up finds or fetches it)"
    version = _environment_python(root)
    if version is None:
        return Diagnosis("python", False, "no environment in .venv", needed, "make setup")
    ok = version[:2] == stack.python
    found = f"{_dotted(version)} in .venv" + (f", the {stack.name} stack (TFX {stack.tfx})" if ok else "")
    return Diagnosis("python", ok, found, needed, "make setup")


def _environment(root: Path, packages: Path | None, stack: Stack) -> Diagnosis:
    pinned = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", (root / stack.lock).read_text(), re.MULTILINE))
    needed = f"the {len(pinned)} packages of {stack.lock}"
    if packages is None:
        return Diagnosis("packages", False, "none are installed", needed, "make setup")
    installed = dict(_name_and_version(folder) for folder in packages.glob("*.dist-info"))
    differing = [name for name, version in sorted(pinned.items()) if installed.get(_normal(name)) != version]
    if differing:
        first = differing[0]
        has = installed.get(_normal(first))
        example = f"{first} is {has or 'absent'}, not {pinned[first]}"
        return Diagnosis(
            "packages", False, f"{len(differing)} of {len(pinned)} differ ({example})", needed, "make setup"
        )
    if not _setup_was_finished(root):
        return Diagnosis("packages", False, "set-up was interrupted or is out of date", needed, "make setup")
    return Diagnosis("packages", True, f"all {len(pinned)} as in {stack.lock}", needed, "make setup")


def _memory() -> Diagnosis:
    total, free = _memory_bytes()
    if total is None or free is None:
        return Diagnosis("memory", True, "cannot be read here", _size(MEMORY), "free -h")
    found = f"{_size(free)} free of {_size(total)}"
    return Diagnosis("memory", free >= MEMORY, found, f"{_size(MEMORY)} free (small data)", "ps aux --sort=-rss | head")


def _cores() -> Diagnosis:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Diagnosis("cores", cores >= 1, str(cores), "1; 2 or more for independent branches side by side", "nproc")


def _disk(output_dir: str, is_set_up: bool) -> Diagnosis:
    needed = DISK_FOR_RUNS + (0 if is_set_up else DISK_FOR_SETUP)
    place = _nearest_folder(Path(output_dir))
    free = shutil.disk_usage(str(place)).free
    found = f"{_size(free)} free at {place}"
    wanted = f"{_size(needed)} for runs" if is_set_up else f"{_size(needed)} for the environment and runs"
    return Diagnosis("disk", free >= needed, found, wanted, f"du -xsh {place}/*")


def _output_dir(output_dir: str) -> Diagnosis:
    wanted = Path(output_dir)
    place = _nearest_folder(wanted)
    next_command = "make run ARGS='--output-dir ~/sluice-out'"
    if wanted.exists() and not wanted.is_dir():
        return Diagnosis("output", False, f"{wanted} is a file", "a folder for runs", next_command)
    try:
        with tempfile.TemporaryFile(dir=str(place)):
            pass
    except OSError as error:
        return Diagnosis(
            "output", False, f"{place} cannot be written to ({error.strerror})", "write access", next_command
        )
    return Diagnosis("output", True, f"{output_dir} can be written to", "write access", next_command)


def _taxi_data(packages: Path | None) -> Diagnosis:
    needed = "the Chicago taxi CSV that comes with TFX (other workloads bring their own data)"
    if packages is not None and (packages / TAXI_DATA).is_file():
        return Diagnosis("taxi data", True, _size((packages / TAXI_DATA).stat().st_size), needed, "make setup")
    return Diagnosis("taxi data", False, "not there", needed, "make setup")


def _libraries(root: Path) -> Diagnosis:
    needed = "TensorFlow and TFX load"
    python = root / ".venv/bin/python"
    if not python.exists():
        return Diagnosis("libraries", False, "no environment in .venv", needed, "make setup")
    command = [str(python), "-c", f"import {', '.join(LIBRARIES)}"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, stderr=subprocess.PIPE, env=environment, cwd=str(root), check=False)
    if done.returncode == 0:
        return Diagnosis("libraries", True, f"{len(LIBRARIES)} libraries load", needed, "make setup")
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else f"the process ended with {done.returncode}"
    return Diagnosis("libraries", False, reason, needed, "rm -rf .venv && make setup")


def _browser(environ: dict[str, str]) -> Diagnosis:
    path = environ.get("PATH", os.defpath)
    found = next(filter(None, (shutil.which(name, path=path) for name in ("chromium", "chromium-browser"))), None)
    needed = "chromium, for the report's browser test alone"
    return Diagnosis(
        "browser", found is not None, found or "no chromium", needed, "sudo apt-get install chromium", False
    )


def _google_credentials(environ: dict[str, str]) -> Diagnosis:
    """Whether there is a credentials file; the file is not opened."""
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    config = environ.get("CLOUDSDK_CONFIG") or str(Path(environ.get("HOME", "~")) / ".config/gcloud")
    file = Path(named) if named else Path(config) / "application_default_credentials.json"
    needed = "application default credentials, for Vertex runs alone"
    login = "gcloud auth application-default login"
    if file.is_file():
        return Diagnosis("google", True, "a credentials file is there", needed, login, False)
    if named:
        return Diagnosis("google", False, "GOOGLE_APPLICATION_CREDENTIALS names no file", needed, login, False)
    return Diagnosis("google", False, "no credentials file", needed, login, False)


def _stack(root: Path) -> Stack:
    """The stack of .venv where it loads here; else the one that set-up would choose, which makes such a .venv anew."""
    version = _environment_python(root)
    for stack in STACKS:
        if version is not None and version[:2] == stack.python and _glibc() >= stack.glibc:
            return stack
    return MODERN if _glibc() >= MODERN.glibc else CLASSIC


def _glibc() -> tuple[int, ...]:
    name, version = platform.libc_ver()
    return tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else ()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _site_packages(root: Path) -> Path | None:
    return next(iter(sorted(root.glob(".venv/lib/python3.*/site-packages"))), None)


def _environment_python(root: Path) -> tuple[int, ...] | None:
    """The version of .venv's interpreter; None when it does not exist or its link is broken."""
    if not os.access(str(root / ".venv/bin/python"), os.X_OK):
        return None
    try:
        settings = (root / ".venv/pyvenv.cfg").read_text()
    except OSError:
        return None
    version = re.search(r"^version(?:_info)?\s*=\s*([\d.]+)", settings, re.MULTILINE)
    return tuple(int(part) for part in version.group(1).split(".")[:3]) if version else None


def setup_stamp(root: Path) -> str:
    """The text that scripts/setup_environment.sh writes at its end: a hash of its inputs, the folder, and the stack."""
    stack = _stack(root)
    digest = hashlib.sha256()
    for name in (stack.lock, "setup.py"):
        digest.update((root / name).read_bytes())
    return f"{digest.hexdigest()} {root}\n{stack.name}"


def _setup_was_finished(root: Path) -> bool:
    stamp = root / ".venv/sluice-setup"
    return stamp.is_file() and stamp.read_text().strip() == setup_stamp(root)


def _name_and_version(folder: Path) -> tuple[str, str]:
    name, _, version = folder.name[: -len(".dist-info")].partition("-")
    return _normal(name), version


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _memory_bytes() -> tuple[int | None, int | None]:
    """Total and available memory, within the container's limit when there is one."""
    try:
        meminfo = Path("/proc/meminfo").read_text()
    except OSError:
        return None, None
    sizes = {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", meminfo, re.MULTILINE)}
    total, free = sizes.get("MemTotal"), sizes.get("MemAvailable")
    try:
        group = Path("/sys/fs/cgroup")
        limit, used = int((group / "memory.max").read_text()), int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return total, free
    return min(total or limit, limit), min(free or limit, limit - used)


def _nearest_folder(path: Path) -> Path:
    path = path.expanduser().absolute()
    while not path.is_dir():
        path = path.parent
    return path


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{count / 1024**2:.1f} MiB"


if __name__ == "__main__":
    sys.exit(main())
