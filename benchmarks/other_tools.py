"""Tools that are measured or used here and are no dependency: each in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".cache" / "peers"


def interpreter_for(name: str, requirements: Sequence[str], *, dependencies: bool = True) -> Path | str:
    """The interpreter of the environment `name`, made or taken from before; or the reason why there is none.

    Without `dependencies` the packages are only unpacked: their files can be read, their code cannot run.
    """
    home = ENVIRONMENTS / name
    interpreter, stamp = home / "bin/python", home / "requirements.txt"
    wanted = "\n".join(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return interpreter
    uv = shutil.which("uv") or str(ROOT / ".tools/uv/bin/uv")
    alone = [] if dependencies else ["--no-deps"]
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)],
            [uv, "pip", "install", "--quiet", *alone, "--python", str(interpreter), *requirements],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return f"{requirements[0]} cannot be installed here"
    stamp.write_text(wanted)
    return interpreter
