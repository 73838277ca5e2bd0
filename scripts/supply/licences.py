"""`make licences`: reads what is installed of the locks, writes the pages on it, names what a product cannot use."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.errors import ExitCode, SluiceError
from core.stack import STACKS, active_stack
from scripts.supply import dependencies_page, judgement, licences_page, packages
from scripts.supply.look_up import look_up


def main() -> int:
    """Reads, writes, judges; the exit code is 2 when a licence stands against use in a product."""
    parser = argparse.ArgumentParser(prog="make licences", description=__doc__)
    parser.add_argument(
        "--environment", type=Path, action="append", default=[], help="a virtual environment with packages of a stack"
    )
    try:
        stacks = _read_anew(parser.parse_args().environment)
    except SluiceError as error:
        print(f"sluice: {error}", file=sys.stderr)
        return error.exit_code
    packages.write(stacks)
    judged = judgement.read()
    licences_page.PAGE.write_text(licences_page.page(stacks, judged), encoding="utf-8")
    dependencies_page.PAGE.write_text(dependencies_page.page(stacks), encoding="utf-8")
    found = judgement.findings(stacks, judged)
    for sentence in found:
        print(f"licences: {sentence}", file=sys.stderr)
    if found:
        return ExitCode.REFUSED
    print(
        f"licences: {' and '.join(str(len(each)) for each in stacks.values())} packages, none that a product cannot use"
    )
    return ExitCode.PUSHED


def _read_anew(given: list[Path]) -> dict[str, packages.Packages]:
    """The active stack as installed, and the other where its lock was changed or an environment is given for it."""
    stacks = packages.read() if packages.FILE.exists() else {}
    here = Path(sys.prefix)
    for stack in STACKS:
        if stack == active_stack():
            stacks[stack.name] = look_up(stack, [here, *given])
        elif given or packages.out_of_step(stack, stacks.get(stack.name, {})):
            stacks[stack.name] = look_up(stack, [*given, here])
    return stacks


if __name__ == "__main__":
    sys.exit(main())
