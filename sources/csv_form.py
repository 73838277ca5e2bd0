"""How a CSV file is written, where it is not as the standard says: separator, decimal comma, groups of thousands, words
for what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from core.strict import Strict, conflict

if TYPE_CHECKING:
    import pyarrow as pa

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_MARKS = {"point": ".", "comma": ",", "space": " ", "apostrophe": "'"}
_WORDS = {sign: word for word, sign in (*SEPARATORS.items(), *_MARKS.items(), ("tab", r"\t"))}
_SWAP = "\x00"  # stands in no cell that is a number


def _in_words(given: Any) -> Any:
    """`;` is `semicolon`: a shell and YAML take some of the signs for themselves, so both are understood."""
    return _WORDS.get(given, given) if isinstance(given, str) else given


Separator = Annotated[Literal["comma", "semicolon", "tab", "pipe"], BeforeValidator(_in_words)]
Decimal = Annotated[Literal["point", "comma"], BeforeValidator(_in_words)]
Thousands = Annotated[Literal["comma", "point", "space", "apostrophe"], BeforeValidator(_in_words)]


class CsvForm(Strict):
    """How CSV files are written; a sign may also stand for its name (`;` for `semicolon`)."""

    separator: Separator | None = None
    """What stands between cells; a comma when absent, and then a file that looks separated otherwise is refused with
    the line to set."""
    decimal: Decimal = "point"
    """What stands before the decimals of a number."""
    thousands: Thousands | None = None
    """What stands between groups of three digits (`1,234,567`); absent: nothing, and a column with such numbers is
    text."""
    missing: list[Annotated[str, Field(min_length=1)]] = []
    """Words that stand for a missing value in any column, besides the empty cell, such as `NA`, `null` or `-`."""

    @model_validator(mode="after")
    def _marks_differ(self) -> CsvForm:
        if self.thousands == self.decimal:
            raise conflict(f"`thousands` and `decimal` are both {self.decimal}", "thousands")
        return self

    @property
    def delimiter(self) -> str:
        """The sign between cells."""
        return SEPARATORS[self.separator or "comma"]

    def number_text(self, texts: pa.StringArray) -> pa.StringArray:
        """The cells as the rules for numbers read them: with a decimal point and without groups of digits. What is no
        number in this form is none afterwards, either."""
        import pyarrow.compute as pc

        if self.thousands is not None:
            mark, point = _MARKS[self.thousands], _MARKS[self.decimal]
            grouped = rf"^\s*[+-]?\d{{1,3}}([{mark}]\d{{3}})+([{point}]\d*)?\s*$"
            texts = pc.if_else(pc.match_substring_regex(texts, grouped), pc.replace_substring(texts, mark, ""), texts)
        if self.decimal == "comma":
            for one, other in ((".", _SWAP), (",", "."), (_SWAP, ",")):
                texts = pc.replace_substring(texts, one, other)
        return texts
