"""What the commands share: numbers, and a group that is called without one of its commands."""

from __future__ import annotations

import errno

import click
import pytest

from runners.command_line import Amount, OneSentenceCommand, OneSentenceGroup


@click.command(cls=OneSentenceCommand)
@click.option("--days", type=Amount(36500.0))
def wait(days: float) -> None:
    click.echo(f"{days:g} days")


@click.group(cls=OneSentenceGroup)
def top() -> None: ...


@top.group()
def below() -> None: ...


below.add_command(wait)


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ("nan", "'nan' is no number."),
        ("inf", "inf is not in the range 0<=x<=36500.0."),
        ("-1", "-1.0 is not in the range 0<=x<=36500.0."),
        ("soon", "'soon' is not a valid float range."),
    ],
)
def test_what_is_no_amount_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], days: str, sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        wait.main(["--days", days])
    assert ended.value.code == 3
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"sluice: Invalid value for '--days': {sentence}"
    assert second.endswith(" --help")


def test_an_amount_in_its_range_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    wait.main(["--days", "0.5"])
    assert capsys.readouterr().out == "0.5 days\n"


def test_a_group_without_a_command_names_its_commands_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        top.main(["below"])
    assert ended.value.code == 3
    first, second = capsys.readouterr().err.splitlines()
    assert first == "sluice: below needs one of its commands: wait."
    assert second.endswith(" below --help")


def test_a_file_that_the_system_refuses_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command(cls=OneSentenceCommand)
    def fill() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "out/taxi/.lock-holder")

    with pytest.raises(SystemExit) as ended:
        fill.main([])
    assert ended.value.code == 3
    sentence = "sluice: out/taxi/.lock-holder cannot be used: the disk is full.\n        Make room:  df -h\n"
    assert capsys.readouterr().err == sentence


def test_an_error_that_a_defect_might_cause_is_raised() -> None:
    @click.command(cls=OneSentenceCommand)
    def lose() -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(OSError, match="Bad file descriptor"):
        lose.main([])
