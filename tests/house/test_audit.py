"""`make audit` with a pip-audit of some lines in its place: what it makes of each answer, also of none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.stack import CLASSIC
from scripts.supply.locks import pins
from tests.samples.folders import ROOT

# `known` is the answer for the version with a well-known advisory, `others` the one for each package of a lock.
STAND_IN = """
import json, re, sys
KNOWN, OTHERS = {known!r}, {others!r}
text = open(sys.argv[sys.argv.index("--requirement") + 1]).read()
answers = {{
    "sound": {{"vulns": []}},
    "vulnerable": {{"vulns": [{{"id": "PYSEC-1", "fix_versions": ["9.9"]}}]}},
    "skipped": {{"skip_reason": "not found"}},
}}
found = []
for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^ \\n]+)", text, re.M):
    answer = KNOWN if (name, version) == ("jinja2", "2.10") else OTHERS
    if answer == "down":
        raise ConnectionError("no route to the host of advisories")
    found.append({{"name": name, "version": version, **answers[answer]}})
print(json.dumps({{"dependencies": found, "fixes": []}}))
"""


@pytest.fixture
def audit(tmp_path: Path):
    def run(known: str, others: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pip_audit.py").write_text(STAND_IN.format(known=known, others=others))
        environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
        command = [sys.executable, "-m", "scripts.supply.audit"]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    return run


def test_names_every_lock_that_is_sound(audit) -> None:
    done = audit(known="vulnerable", others="sound")
    assert (done.returncode, done.stderr) == (0, "")
    locks = [path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.lock"), *ROOT.glob("deploy/*.lock"))]
    assert CLASSIC.lock in locks
    assert {line.split(":")[1].strip() for line in done.stdout.splitlines()} == set(locks)


def test_refuses_a_package_with_a_known_vulnerability(audit) -> None:
    done = audit(known="vulnerable", others="vulnerable")
    assert done.returncode == 2
    assert (
        f"audit: {CLASSIC.lock}: absl-py {pins(CLASSIC.lock)['absl-py'].version} has PYSEC-1, mended in 9.9\n"
        in done.stdout
    )


@pytest.mark.parametrize(
    ("known", "others", "sentence"),
    [
        ("down", "sound", "cannot be read (ConnectionError: no route to the host of advisories)"),
        ("vulnerable", "down", "cannot be read"),
        ("skipped", "skipped", "has none for jinja2==2.10"),
        ("sound", "sound", "has none for jinja2==2.10, which is known to be vulnerable"),
        ("vulnerable", "skipped", "they are not audited"),
    ],
)
def test_says_in_a_sentence_that_nothing_was_audited(audit, known, others, sentence) -> None:
    done = audit(known, others)
    assert done.returncode == 3
    assert done.stderr.startswith("sluice: the database of advisories ") and sentence in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 2
