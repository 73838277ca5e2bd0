from __future__ import annotations

import json
import logging

import pytest

from core.printable import PrintableFormatter, hanging, json_text, one_line, printable, show_error, show_text

CLEARS = "\x1b[2J\x1b[H"


@pytest.mark.parametrize("letter", ["\x1b", "\x07", "\r", "\x7f", "\x9b", "\u202e", "\u2028", "\udcff", "\ufeff"])
def test_prints_what_a_terminal_would_execute_in_letters(letter: str) -> None:
    text = printable(f"a{letter}b")
    assert letter not in text
    assert text.encode().decode("unicode_escape") == f"a{letter}b"


def test_leaves_letters_of_every_script_as_they_are() -> None:
    text = "Größe, 大きさ, می‌خواهم, 👩‍💻, 5\u00a0%"
    assert printable(text) == one_line(text) == text


def test_a_name_with_a_line_break_stays_on_its_line() -> None:
    assert one_line("a\nPUSHED\ttaxi") == r"a\nPUSHED\ttaxi"


def test_a_message_begins_no_line_but_its_first() -> None:
    assert hanging("a\nPUSHED\n  next") == "a\n        PUSHED\n  next"


def test_json_keeps_the_value_without_its_control_characters() -> None:
    value = {f"a{CLEARS}": ["\x9b2J", "\u202e", "é"], "n": 1}
    text = json_text(value)
    assert json.loads(text) == value
    assert printable(text) == text
    assert "é" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_keeps_the_value_in_an_encoding_that_lacks_its_letters(encoding: str) -> None:
    value = {"東京": ["é", "\x7f", "😀"]}
    text = json_text(value, encoding)
    assert text.isascii() and "\x7f" not in text
    assert json.loads(text) == value


def test_an_error_cannot_fake_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(f"{CLEARS}no column\nPUSHED  taxi/7")
    show_text("x\rPUSHED")
    printed = capsys.readouterr()
    assert printed.err == "sluice: \\x1b[2J\\x1b[Hno column\n        PUSHED  taxi/7\n"
    assert printed.out == "x\\rPUSHED\n"


def test_a_log_on_a_terminal_is_printable() -> None:
    record = logging.LogRecord("sluice", logging.INFO, "", 0, "column %s", (CLEARS,), None)
    assert PrintableFormatter("%(message)s").format(record) == r"column \x1b[2J\x1b[H"
