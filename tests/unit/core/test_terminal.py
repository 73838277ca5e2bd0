from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from core.terminal import PlainConsole, print_table

EVIL = "\x1b[2J\x1b[H\x9b31mPUSHED"
SHOWN = r"\x1b[2J\x1b[H\x9b31mPUSHED"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), _Terminal()], ids=["file", "terminal"])
def test_no_way_to_print_lets_a_control_character_through(stream: io.StringIO) -> None:
    console = PlainConsole(stream)
    table = Table(EVIL)
    table.add_row(EVIL, Text(EVIL))
    console.print(EVIL)
    console.print(Text(EVIL), soft_wrap=True)
    console.print(table)
    assert stream.getvalue().count(SHOWN) >= 2
    assert "\x1b[2J" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()


def test_markup_in_data_is_printed_as_it_stands() -> None:
    stream = io.StringIO()
    PlainConsole(stream).print("[red]a[/red] [link=http://x]b[/link] :smile:")
    assert stream.getvalue() == "[red]a[/red] [link=http://x]b[/link] :smile:\n"


def test_its_own_styles_still_reach_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = _Terminal()
    PlainConsole(stream).print(Text("PUSHED", "bold green"))
    assert stream.getvalue().startswith("\x1b[1;32mPUSHED")


def test_a_file_gets_no_trailing_blanks() -> None:
    stream = io.StringIO()
    table = Table("a", "b")
    table.add_row("x" * 30, "y")
    table.add_row("x", "")
    PlainConsole(stream).print(table)
    PlainConsole(stream).print(Text("left"), justify="left")
    assert all(line == line.rstrip() for line in stream.getvalue().split("\n"))


def test_a_table_for_a_file_in_latin_1_is_drawn_with_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(stored, encoding="latin-1", write_through=True))
    print_table(("model", "state"), [["café", "pushed"]])
    assert "café" in stored.getvalue().decode("latin-1")


def test_a_table_keeps_a_cell_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("model",), [["taxi\nPUSHED"]])
    assert r"taxi\nPUSHED" in capsys.readouterr().out


def test_a_console_may_outlive_its_file() -> None:
    stream = io.StringIO()
    console = PlainConsole(stream)
    stream.close()
    console.file.close()  # as the garbage collector does, at the end of a program
