"""What makes text of a CSV column that holds numbers otherwise: a word for a missing value, a decimal comma, groups of
thousands. It is seen while the kinds of the columns are learnt, and reported with the line to set."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from core.text import listed
from sources.kinds import Kind, kind_of_value

KNOWN_WORDS = frozenset(
    ["na", "n/a", "#n/a", "<na>", "null", "none", "nil", "-", "--", "?", ".", "missing", "unknown", "(null)", r"\n"]
)
_MOST_WORDS = 3
_PROBED = 64
# A word that is none of the known ones is named only where nearly all of the other values are numbers: grades such as
# 1, 2 and A are text by right.
_NUMBERS_BESIDE_OTHER_WORDS = 0.9
# In order of preference where a value can be read in several: `1,234` is rarely a number with three decimals.
_FORMS = {
    "thousands comma": re.compile(r"\s*[+-]?\d{1,3}(,\d{3})+(\.\d*)?\s*"),
    "comma": re.compile(r"\s*[+-]?\d*,\d+\s*"),
    "thousands point": re.compile(r"\s*[+-]?(\d{1,3}(\.\d{3})+(,\d*)?|\d*,\d+)\s*"),
    "thousands apostrophe": re.compile(r"\s*[+-]?\d{1,3}('\d{3})+(\.\d*)?\s*"),
    "thousands space": re.compile(r"\s*[+-]?\d{1,3}( \d{3})+(\.\d*)?\s*"),
}
_SETTINGS: dict[str, dict[str, object]] = {  # what a form needs, as keys of data.csv
    "thousands comma": {"thousands": "comma"},
    "comma": {"decimal": "comma"},
    "thousands point": {"decimal": "comma", "thousands": "point"},
    "thousands apostrophe": {"thousands": "apostrophe"},
    "thousands space": {"thousands": "space"},
}


@dataclass
class WhyText:
    """The cells of one column: how many are numbers, and the words and forms that are none."""

    numbers: int = 0
    rows: int = 0
    words: Counter[str] = field(default_factory=Counter)
    written: int = 0  # numbers in another form
    example: str = ""  # the least of these, as the order of the rows decides nothing
    forms: set[str] | None = None  # those in which all of these can be written
    given_up: bool = False  # it is text by right

    def add_numbers(self, texts: pa.StringArray) -> None:
        """Goes on with cells that are numbers or missing."""
        self.rows += len(texts)
        self.numbers += len(texts) - texts.null_count

    def add(self, texts: pa.StringArray, is_plain: bool) -> None:
        """Goes on with cells of which some are no numbers. `is_plain`: no form of numbers is declared, so that another
        one may be proposed."""
        if self.given_up:
            return
        present = texts.drop_null()
        self._count(Counter(present[:_PROBED].to_pylist()))
        if not self.given_up and len(present) > _PROBED:
            counts = present[_PROBED:].value_counts()
            self._count(dict(zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True)))
        self.rows += len(texts)
        self.given_up |= bool(self.written) and not is_plain

    def _count(self, cells: dict[str, int] | Counter[str]) -> None:
        for text, count in cells.items():
            if kind_of_value(text) is not Kind.BYTES:
                self.numbers += count
            elif forms := {name for name, pattern in _FORMS.items() if pattern.fullmatch(text)}:
                self.forms = forms if self.forms is None else self.forms & forms
                self.written += count
                self.example = min(text, self.example or text)
            else:
                self.words[text] += count
            if len([word for word in self.words if word.strip().lower() not in KNOWN_WORDS]) > _MOST_WORDS:
                self.given_up = True
                return

    def reason(self) -> tuple[str, dict[str, object]] | None:
        """(what makes text of the column, what `data.csv` needs for it to be numbers); None when it is text by
        right."""
        known = all(word.strip().lower() in KNOWN_WORDS for word in self.words)
        numbers, others = self.numbers + self.written, self.words.total()
        enough = 0 if known else _NUMBERS_BESIDE_OTHER_WORDS * (numbers + others)
        if self.given_up or not (numbers and (self.words or self.written)) or numbers < enough:
            return None
        if self.written and not self.forms:
            return None
        parts: list[str] = []
        settings: dict[str, object] = {}
        if self.words:
            named = listed([f"`{word}`" for word, _ in self.words.most_common(_MOST_WORDS)])
            parts.append(f"{named} in {others:,} of {self.rows:,} rows")
            settings["missing"] = sorted(self.words)
        if self.written:
            form = min(self.forms or (), key=list(_FORMS).index)
            what = "decimal commas" if form == "comma" else "groups of thousands"
            parts.append(f"{what} such as `{self.example}` in {self.written:,} of {self.rows:,} rows")
            settings |= _SETTINGS[form]
        return " and ".join(parts), settings


def joined(each: Iterable[WhyText]) -> WhyText:
    """The column in several files."""
    whole = WhyText()
    for one in each:
        whole.numbers += one.numbers
        whole.rows += one.rows
        whole.words += one.words
        whole.written += one.written
        whole.example = min(filter(None, [whole.example, one.example]), default="")
        if one.forms is not None:
            whole.forms = one.forms if whole.forms is None else whole.forms & one.forms
        whole.given_up |= one.given_up
    return whole


def notes(columns: dict[str, WhyText]) -> tuple[str, ...]:
    """A sentence on each column that is text only by what can be declared, with the line to set."""
    found = []
    for name, why in columns.items():
        if (reason := why.reason()) is not None:
            because, settings = reason
            found.append(f"`{name}` is text because of {because}; {_lines(settings)}")
    return tuple(found)


def _lines(settings: dict[str, object]) -> str:
    keys, options, lines = [], [], []
    for key, value in settings.items():
        words = value if isinstance(value, list) else [value]
        text = json.dumps(words, ensure_ascii=False) if isinstance(value, list) else str(value)
        keys.append(f"data.csv.{key}: {text}")
        lines.append(f"--set {shlex.quote(f'data.csv.{key}={text}')}")
        options += [f"--{key} {shlex.quote(str(word))}" for word in words]
    return f"set {listed(keys)} (a run: {' '.join(lines)}; gates check: {' '.join(options)})."
