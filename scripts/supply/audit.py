"""`make audit`: the locks of both stacks and of the images against PyPI's advisories, by pip-audit; needs the network.

pip-audit counts a package that the database does not have as sound, and a mirror without advisories has none of them.
So a version with an old, well-known advisory is looked up first, and a package that was skipped counts as not audited.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from core.errors import ExitCode, SluiceError
from scripts.supply.locks import ROOT

# Escapes from its sandbox: PYSEC-2019-217, CVE-2019-10906.
_KNOWN = "jinja2==2.10"
_ANOTHER = 'Another one:  make audit ARGS="--vulnerability-service osv"'


def main() -> int:
    """Audits each lock; options are those of pip-audit. The exit code is 2 when a package has a known vulnerability."""
    options = sys.argv[1:]
    locks = [*sorted(ROOT.glob("*.lock")), *sorted((ROOT / "deploy").glob("*.lock"))]
    found = False
    try:
        _look_up_known(options)
        for lock in locks:
            packages = _audited(lock, options)
            sentences = list(_vulnerabilities(packages))
            found = found or bool(sentences)
            for sentence in sentences or [f"{len(packages)} packages, none with a known vulnerability"]:
                print(f"audit: {lock.relative_to(ROOT)}: {sentence}")
    except SluiceError as error:
        print(f"sluice: {error}", file=sys.stderr)
        return error.exit_code
    return ExitCode.REFUSED if found else ExitCode.PUSHED


def _look_up_known(options: Iterable[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "known.txt"
        path.write_text(f"{_KNOWN}\n", encoding="utf-8")
        if not any(package.get("vulns") for package in _answers(path, ["--no-deps", *options])):
            raise SluiceError(
                f"the database of advisories has none for {_KNOWN}, which is known to be vulnerable, so it is no such "
                "database: a mirror of PyPI may hold the packages alone",
                _ANOTHER,
            )


def _audited(lock: Path, options: Iterable[str]) -> list[dict[str, Any]]:
    """What pip-audit found for each package of a lock."""
    packages = _answers(lock, ["--require-hashes", *options])
    if skipped := [package["name"] for package in packages if "skip_reason" in package]:
        raise SluiceError(
            f"the database of advisories has no entry for {len(skipped)} of {len(packages)} packages of {lock.name}, "
            f"{skipped[0]} among them: they are not audited",
            _ANOTHER,
        )
    return packages


def _answers(requirements: Path, options: Iterable[str]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner=off", "--format=json"]
    done = subprocess.run([*command, "--requirement", requirements, *options], capture_output=True, text=True)
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = done.stderr.strip().rpartition("\n")[2] or f"pip-audit ended with {done.returncode}"
        raise SluiceError(
            f"the database of advisories cannot be read ({textwrap.shorten(reason, 120, placeholder=' …')})",
            "Where there is a network:  make audit",
        ) from None
    return answers


def _vulnerabilities(packages: Iterable[dict[str, Any]]) -> Iterator[str]:
    for package in packages:
        for each in package["vulns"]:
            mended = f"mended in {', '.join(each['fix_versions'])}" if each["fix_versions"] else "not mended yet"
            yield f"{package['name']} {package['version']} has {each['id']}, {mended}"


if __name__ == "__main__":
    sys.exit(main())
