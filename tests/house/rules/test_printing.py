"""What is printed passes core/printable.py or core/terminal.py, where text from data loses its control characters."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.rules.tree import modules, shown

_HOMES = {"core/printable.py", "core/terminal.py"}
# `doctor` runs alone before the installation; the others write into a pipe or a log between our own processes.
_ALONE = {"runners/doctor.py", "models/search/relay.py", "cloud/testing/fork_server.py"}
_WRITES = {"print", "click.echo", "click.secho", "rich.print", "Console", "rich.console.Console"}
_WRITES |= {"sys.stdout.write", "sys.stderr.write", "pprint", "pprint.pprint"}


def test_nothing_prints_past_the_two_homes_of_printing() -> None:
    code = [path for path in modules() if shown(path) not in _HOMES | _ALONE]
    assert len(code) > 100
    assert {shown(path): lines for path in code if (lines := list(_prints(path.read_text(encoding="utf-8"))))} == {}


@pytest.mark.parametrize("line", ["print(name)", "click.echo(f'{name}')", "print(name, file=sys.stderr)", "Console()"])
def test_the_rule_finds_what_prints_by_itself(line: str) -> None:
    assert list(_prints(line)) == [1]


@pytest.mark.parametrize("line", ["print('Done.')", "print(name, file=pipe)", "show_text(name)"])
def test_the_rule_spares_constants_and_pipes(line: str) -> None:
    assert list(_prints(line)) == []


def _prints(text: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _WRITES and not _is_harmless(node):
            yield node.lineno


def _is_harmless(call: ast.Call) -> bool:
    files = [each.value for each in call.keywords if each.arg == "file"]
    is_pipe = bool(files) and not ast.unparse(files[0]).startswith("sys.std")
    is_constant = bool(call.args) and all(isinstance(each, ast.Constant) for each in call.args)
    return ast.unparse(call.func) == "print" and (is_pipe or is_constant)
