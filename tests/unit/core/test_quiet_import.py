"""What an import writes to standard error is not shown, and what comes after it is."""

import os
import subprocess
import sys

import pytest

from tests.samples.folders import ROOT

_PROGRAM = """
import os, sys
from core.quiet_import import nothing_printed
try:
    with nothing_printed():
        os.write(2, b"a line of a library\\n")
        print("another", file=sys.stderr)
        {ending}
except ImportError:
    print("the import failed", file=sys.stderr)
print("the sentence", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("ending", "shown"), [("pass", "the sentence\n"), ("raise ImportError", "the import failed\nthe sentence\n")]
)
def test_only_what_stands_outside_of_the_import_is_shown(ending: str, shown: str) -> None:
    command = [sys.executable, "-c", _PROGRAM.format(ending=ending)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, shown)
