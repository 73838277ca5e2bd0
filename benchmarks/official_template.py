"""Lays out the official TFX taxi template, with every component on, from the installed tfx package."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

PACKAGE = Path(importlib.util.find_spec("tfx").origin).parent  # type: ignore[union-attr,arg-type]
TAXI_CSV = PACKAGE / "examples/chicago_taxi_pipeline/data/simple/data.csv"


def lay_out_template(folder: Path, csv: Path) -> Path:
    """Copy the template into `folder`, switch its components on, point it at `csv`; returns the script to run."""
    shutil.copytree(
        PACKAGE / "experimental/templates/taxi", folder, ignore=shutil.ignore_patterns("*_test.py", "e2e_tests")
    )
    wiring = folder / "pipeline/pipeline.py"
    text, switched = re.subn(r"^(\s*)# (components\.append\()", r"\1\2", wiring.read_text(), flags=re.MULTILINE)
    if switched < 6:
        raise RuntimeError(f"the template has changed: {switched} components to switch on, expected at least 6")
    wiring.write_text(text)
    for module in folder.rglob("*.py"):
        # As `tfx template copy` does: the copy imports itself, not the package.
        code = module.read_text().replace("tfx.experimental.templates.taxi.", "")
        module.write_text(code.replace("{{PIPELINE_NAME}}", "official_template"))
    (folder / "data").mkdir(exist_ok=True)
    shutil.copy(csv, folder / "data/data.csv")
    return folder / "local_runner.py"
