"""What `pip install .` brings is enough to import the gates, the sources and their command, on any system that has
Python: no package of the pipeline, and no module that Windows lacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import SluiceError
from tests.samples import light
from tests.samples.folders import ROOT
from tests.samples.light import OF_THE_PIPELINE

# As Python's documentation says of their availability, and ours that read or write messages of TensorFlow's metadata.
NOT_ON_WINDOWS = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
OF_STATISTICS = ("anomalies", "anomaly_reasons", "comparators", "proposal")

_IMPORT_ALL = """
import importlib, os, signal, sys
# Those of others first: which of them do so on this system is not ours to say.
import click, numpy, pyarrow.compute, pydantic, rich.console, scipy.stats, sklearn.ensemble, yaml
blocked, modules = sys.argv[1].split(","), sys.argv[2].split(",")
for name in blocked:
    sys.modules.pop(name, None)
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if any(f"{name}.".startswith(f"{each}.") for each in blocked):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
for owner, names in ((os, ("fork", "getuid", "geteuid", "uname", "sysconf")), (signal, ("SIGKILL", "SIGHUP", "alarm"))):
    for name in names:
        vars(owner).pop(name, None)
for name in modules:
    importlib.import_module(name)
"""


def light_modules() -> list[str]:
    """Every module of the light rooms, but those on TFDV's statistics, which the pipeline alone has."""
    files = [file for room in ("core", "gates", "sources") for file in sorted((ROOT / room).rglob("*.py"))]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return [name for name in names if name not in {f"gates.schema.{each}" for each in OF_STATISTICS}]


def test_the_light_rooms_import_without_the_pipeline_and_without_what_windows_lacks() -> None:
    code = [sys.executable, "-c", _IMPORT_ALL, ",".join([*OF_THE_PIPELINE, *NOT_ON_WINDOWS]), ",".join(light_modules())]
    done = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_test_is_skipped_for_what_it_needs_itself_and_not_for_what_the_light_rooms_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(light, "IS_LIGHT", True)

    def why(function: str, room: str) -> str | None:
        """`function` as a test would call it, its code in a file of this room."""
        names: dict[str, Any] = {"SluiceError": SluiceError}
        exec(compile(function, str(ROOT / room / "api.py"), "exec"), names)
        with pytest.raises(Exception) as found:
            names["f"]()
        return light.lacking(found.value, Path("test_api.py"))

    needs = "def f(): raise ModuleNotFoundError('No module named pandas', name='pandas')"
    in_a_sentence = (
        f"{needs}\nneeds = f\ndef f():\n try: needs()\n except Exception as e: raise SluiceError('!') from e"
    )
    assert why(needs, "tests") == why(in_a_sentence, "gates") == "needs pandas, which the light installation lacks"
    assert why(needs, "gates") is None
    assert why(needs.replace("pandas", "numpy"), "tests") is None
