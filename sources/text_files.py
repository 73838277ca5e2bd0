"""Formats of text with one record a line: read in pieces that end between records, each with the line at which it
begins. A file that is not gzip is cut into parts there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, TypeVar

from core.errors import SluiceError
from sources.format import BATCH_ROWS, PART_BYTES, FileSurvey, Format, Part, Rows
from sources.storage import is_gzip, open_content, plain_read_errors

BOM = b"\xef\xbb\xbf"
BLOCK_BYTES = 6 << 20
_LONGEST_RECORD = 64 << 20
# A line of a table that names an image stands for thousands of times as many bytes.
_IMAGES_BLOCK_BYTES = 128 << 10


@dataclass(frozen=True)
class TextPart(Part):
    """A stretch of a text file that starts and ends between records; `length` None reaches to the end."""

    offset: int
    first_line: int
    length: int | None = None
    block_bytes: int | None = None  # BLOCK_BYTES, but for rows that stand for much more than their own bytes


class Piece(NamedTuple):
    """Whole records, the line of the first one, and where in the file the next one begins."""

    raw: bytes
    line: int
    end: int


AnyTextPart = TypeVar("AnyTextPart", bound=TextPart)


class TextFormat(Format[AnyTextPart]):
    """What formats of lines share; each says where its records end and what they hold."""

    row = "line"
    endless: ClassVar[str]  # the message on a record that does not end

    @abstractmethod
    def parse(self, part: AnyTextPart, piece: Piece, only: list[str] | None) -> Rows:
        """The rows of a piece, and what could not be read among them."""

    def last_end(self, raw: bytes) -> int:
        """Where the last whole record ends; 0 when none does."""
        return raw.rfind(b"\n") + 1

    def survey(self, path: str, ints: frozenset[str] = frozenset(), names_images: bool = False) -> FileSurvey:
        """As every format; the parts are cut where the pieces of this reading ended.

        Raises:
          SluiceError: when the file is damaged or cannot be read.
        """
        from sources.column_kinds import ColumnKinds

        whole = self.whole(path)
        if names_images:
            whole = replace(whole, block_bytes=_IMAGES_BLOCK_BYTES)
        kinds = ColumnKinds(path, self.row, self.mixes_numbers, ints)
        ends = []
        for piece in self._pieces(whole):
            rows = self.parse(whole, piece, None)
            kinds.add(rows)
            ends.append((piece.end, piece.line + piece.raw.count(b"\n")))
        part_bytes = min(PART_BYTES, 4 * _IMAGES_BLOCK_BYTES) if names_images else PART_BYTES
        return self._surveyed(kinds, _cut(whole, part_bytes, ends))

    def read(self, part: AnyTextPart, only: list[str] | None = None) -> Iterator[Rows]:
        """As every format.

        Raises:
          SluiceError: when the file is damaged or cannot be read.
        """
        for piece in self._pieces(part):
            rows = self.parse(part, piece, only)
            for start in range(0, max(rows.columns.num_rows, 1), BATCH_ROWS):
                some = slice(start, start + BATCH_ROWS)
                rejects = [] if start else rows.rejects
                columns = rows.columns.slice(start, BATCH_ROWS)
                yield Rows(columns, rows.lines[some], rows.typed, rejects, rows.form)

    def _pieces(self, part: AnyTextPart) -> Iterator[Piece]:
        """Pieces of about BLOCK_BYTES, or as many as the part says."""
        left = part.length if part.length is not None else 1 << 62
        offset, line, kept = part.offset, part.first_line, b""
        with plain_read_errors(part.path), open_content(part.path, part.offset) as content:
            if is_gzip(part.path):
                content.read(part.offset)
            while read := content.read(min(part.block_bytes or BLOCK_BYTES, left)):
                left -= len(read)
                raw = kept + read
                end = self.last_end(raw)
                if not end and len(raw) > _LONGEST_RECORD:
                    raise SluiceError(
                        f"{part.path}, line {line}: {self.endless} within {len(raw) >> 20} MiB.",
                        f"Look:  sed -n {line},+3p {part.path}",
                    )
                kept = raw[end:]
                if end:
                    offset += end
                    yield Piece(raw[:end], line, offset)
                    line += raw.count(b"\n", 0, end)
            if kept:
                yield Piece(kept, line, offset + len(kept))


def _cut(whole: AnyTextPart, part_bytes: int, ends: list[tuple[int, int]]) -> list[AnyTextPart]:
    """Parts of about `part_bytes`, cut at the (offset, next line) marks that a reading has left behind."""
    if not ends or is_gzip(whole.path):
        return [whole]
    parts, offset, line = [], whole.offset, whole.first_line
    for end, next_line in ends:
        if end - offset >= part_bytes or end == ends[-1][0]:
            parts.append(replace(whole, offset=offset, first_line=line, length=end - offset))
            offset, line = end, next_line
    return parts


def after_bom(path: str) -> int:
    """Where the text of a file begins: behind its byte order mark, if it has one.

    Raises:
      SluiceError: when the file cannot be read.
    """
    with plain_read_errors(path), open_content(path) as content:
        return len(BOM) if content.read(len(BOM)) == BOM else 0
