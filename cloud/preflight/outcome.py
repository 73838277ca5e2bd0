"""The result of a preflight: a row for each check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Passed:
    """The check found nothing wrong. `value` is what it found, where others need it."""

    sentence: str
    value: str = ""


@dataclass(frozen=True)
class Warned:
    """The job can run; what the check found should be mended all the same."""

    sentence: str
    command: str


@dataclass(frozen=True)
class Failed:
    """The job would fail, or run other code than it should; `command` mends it or shows more."""

    sentence: str
    command: str


@dataclass(frozen=True)
class NotChecked:
    """The check could not be made; nothing is known."""

    why: str

    @property
    def sentence(self) -> str:
        """Why, as a sentence of the table."""
        return f"not checked: {self.why}"


Outcome = Passed | Warned | Failed | NotChecked


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    check: str  # its name in code, e.g. "bucket"
    title: str
    outcome: Outcome


@dataclass(frozen=True)
class PreflightResult:
    """All rows, in the order of the table."""

    rows: tuple[Row, ...]

    def outcome(self, check: str) -> Outcome:
        """The outcome of one check.

        Raises:
          KeyError: when there is no such check.
        """
        return {row.check: row.outcome for row in self.rows}[check]

    @property
    def failures(self) -> tuple[tuple[Row, Failed], ...]:
        """The rows that failed."""
        return tuple((row, row.outcome) for row in self.rows if isinstance(row.outcome, Failed))

    @property
    def image_digest(self) -> str | None:
        """The digest that the image's tag stands for, `sha256:…`; None when the registry was not read."""
        return next(_values(self.rows, "image"), None)

    @property
    def serving_digest(self) -> str | None:
        """That of the image that serves uploaded models; None when none is uploaded, too."""
        return next(_values(self.rows, "serving_image"), None) or None


def _values(rows: Iterable[Row], check: str) -> Iterator[str]:
    return (row.outcome.value for row in rows if row.check == check and isinstance(row.outcome, Passed))
