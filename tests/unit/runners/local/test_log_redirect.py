"""Where the output of libraries goes while a run lasts."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from absl import logging as absl_logging

from runners.local.log_redirect import output_redirected_to


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Leaves the handlers of the process as they were."""
    before = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = before


def test_what_a_library_prints_goes_to_the_file(tmp_path: Path) -> None:
    with output_redirected_to(tmp_path / "log"):
        os.write(2, b"noise")
    os.write(2, b"afterwards")
    assert (tmp_path / "log").read_text() == "noise"


def test_a_stream_of_somebody_elses_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = io.StringIO()
    handler = absl_logging.PythonHandler(theirs)
    logging.root.addHandler(handler)
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO()))
    with output_redirected_to(tmp_path / "log"):
        pass
    assert not theirs.closed


def test_a_full_disk_under_the_log_ends_nothing_and_puts_nothing_on_the_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in ((1, "stdout"), (2, "stderr")):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "w", closefd=False))))
    with output_redirected_to(Path("/dev/full")) as console:
        print("noise")
        print("noise", file=sys.stderr)
        console.write("verdict\n")
    print("afterwards", flush=True)
    assert capfd.readouterr() == ("verdict\nafterwards\n", "")
