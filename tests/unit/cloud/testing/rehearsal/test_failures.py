"""The reason of a failed container."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud.testing.rehearsal.failures import reason

TRACE = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    raise it\n'
OURS = "data.csv has no column `fare`.\n        See them:  python -m gates describe"


@pytest.mark.parametrize(
    ("log", "status", "expected"),
    [
        (f"I1129 starting\n{TRACE}core.errors.SluiceError: {OURS}\n", 1, OURS),
        (
            f"{TRACE}core.errors.SluiceError: {OURS}\n\nDuring handling …\n\n{TRACE}RuntimeError: x [while running]\n",
            1,
            OURS,
        ),
        (f"WARNING: x\nsluice: {OURS}\n", 3, OURS),
        (
            f"{TRACE}ModuleNotFoundError: No module named 'models.new'\n",
            1,
            "ModuleNotFoundError: No module named 'models.new'",
        ),
        (f"{TRACE}ValueError: a\nmore of it\n", 1, "ValueError: a"),
        (f"{TRACE}KeyboardInterrupt\n", 1, "KeyboardInterrupt"),
        (
            f"{TRACE}ValueError: first\n{TRACE}tensorflow.python.errors.NotFoundError: last\n",
            1,
            "tensorflow.python.errors.NotFoundError: last",
        ),
        ("anything\n", -9, "The container was ended by signal 9."),
        ("usage: x\nx: error: no such argument\n", 2, "The container exited with status 2: x: error: no such argument"),
        ("", 4, "The container exited with status 4."),
    ],
)
def test_it_is_the_sentence_that_helps_most(tmp_path: Path, log: str, status: int, expected: str) -> None:
    (tmp_path / "log").write_text(log)
    assert reason(tmp_path / "log", status) == expected
