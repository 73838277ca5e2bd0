"""What the files of one source are together: all with the same columns, each column of one kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.errors import SluiceError
from core.text import listed, shortened
from sources.format import FileSurvey, Format
from sources.kinds import Kind
from sources.storage import base_name
from sources.why_text import WhyText, joined


def check_same_columns(first: str, columns: Iterable[str], path: str, others: Iterable[str]) -> None:
    """Refuses a file whose columns are not those of the first.

    Raises:
      SluiceError: with the columns that it lacks or has besides.
    """
    lacks, adds = sorted(set(columns) - set(others)), sorted(set(others) - set(columns))
    if lacks or adds:
        found = [("lacks", lacks), ("also has", adds)]
        text = listed([f"{verb} {columns_in_words(names)}" for verb, names in found if names])
        raise SluiceError(f"{path} does not have the columns of {base_name(first)}: it {text}.")


def columns_in_words(names: Sequence[str]) -> str:
    """Columns in a sentence, no more than eight of them."""
    return shortened([f"`{name}`" for name in names], 8)


def joined_kinds(surveys: Sequence[FileSurvey], format_: Format) -> dict[str, Kind]:
    """The kind of each column in all files: the widest one.

    Raises:
      SluiceError: for a file without rows, one with other columns, text where typed files before it hold numbers, or
        files in which no row can be read at all.
    """
    kinds: dict[str, Kind] = {}
    for survey in surveys:
        if survey.empty:
            raise SluiceError(f"{survey.path} {format_.no_rows}.", f"Look:  ls -l {survey.path}")
        if not format_.leaves_out:
            check_same_columns(surveys[0].path, surveys[0].kinds, survey.path, survey.kinds)
        for name, kind in survey.kinds.items():
            kinds[name] = _wider(kinds.get(name, Kind.NONE), kind, name, survey.path, format_)
    if not kinds and (first := next((each.first_reject for each in surveys if each.first_reject), None)):
        raise SluiceError(
            f"no {format_.row} of {first.file} can be used: {format_.row} {first.line} {first.reason}.",
            f"Look:  ls -l {first.file}",
        )
    return kinds


def why_text(surveys: Sequence[FileSurvey], name: str) -> WhyText:
    """What makes text of a column in all files together."""
    return joined(survey.why_text[name] for survey in surveys if name in survey.why_text)


def _wider(so_far: Kind, kind: Kind, name: str, path: str, format_: Format) -> Kind:
    if not format_.from_text and {so_far, kind} & {Kind.INT, Kind.FLOAT} and Kind.BYTES in (so_far, kind):
        held, held_before = ("text", "numbers") if kind is Kind.BYTES else ("numbers", "text")
        raise SluiceError(f"{path} holds {held} in column `{name}`, where files before it hold {held_before}.")
    return max(so_far, kind)
