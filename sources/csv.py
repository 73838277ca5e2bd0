"""CSV: the first line names the columns, a comma (or what is declared) stands between cells, a newline ends a row, and
quotes hold all three. Cells are text, and what they are is inferred from all of them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from core.errors import SluiceError
from sources.csv_form import SEPARATORS
from sources.format import Rows, check_names, check_stored
from sources.storage import open_content, plain_read_errors
from sources.text_files import BOM, Piece, TextFormat, TextPart

_LONGEST_HEADER = 1 << 20
_SAMPLED = 1 << 14
_ROWS_SAMPLED = 20


@dataclass(frozen=True)
class CsvPart(TextPart):
    """A stretch of a CSV file below its header."""

    columns: tuple[str, ...] = ()


class Csv(TextFormat[CsvPart]):
    """CSV files, plain or gzip.

    Example:
      >>> Csv().columns("rides.csv")
      ('fare', 'company')
      >>> [rows.columns.to_pylist() for rows in Csv().read(Csv().whole("rides.csv"))]
      [[{'fare': '5.25', 'company': 'Blue'}, {'fare': None, 'company': 'Flash, Cab'}]]
    """

    name = "csv"
    title = "CSV"
    suffixes = (".csv", ".csv.gz")
    no_rows = "has a header but no rows"
    from_text = True
    endless = "a quote is opened there or soon after and not closed"

    def columns(self, path: str) -> tuple[str, ...]:
        """From the header, once a row was seen below it.

        Raises:
          SluiceError: when the file cannot be read or names no columns.
        """
        check_stored(path)
        whole = self.whole(path)
        with plain_read_errors(path), open_content(path) as content:
            content.read(whole.offset)
            while piece := content.read(1 << 16):
                if piece.strip():
                    return tuple(self.reading.kept(whole.columns))
        raise SluiceError(f"{path} {self.no_rows}.", f"Look:  head {path}")

    def whole(self, path: str) -> CsvPart:
        """What is below the header.

        Raises:
          SluiceError: when the file cannot be read.
        """
        from sources.csv_records import last_record_end

        look = f"Look:  head -1 {path}"
        delimiter = self.reading.csv.delimiter
        with plain_read_errors(path), open_content(path) as content:
            head = content.readline()
            # The first line that has no end of a record goes on in the next one.
            while last_record_end(head.removeprefix(BOM), delimiter) < len(head.removeprefix(BOM)):
                more = content.readline()
                if not more or len(head) > _LONGEST_HEADER:
                    break
                head += more
            sample = content.read(_SAMPLED)
        try:
            # csv reads no NUL before Python 3.11.
            text = head.removeprefix(BOM).decode("utf-8").replace("\0", "\ufffd")
        except UnicodeDecodeError as error:
            raise SluiceError(f"{path} is not UTF-8 text.", f"Look:  file {path}") from error
        if not text.strip():
            raise SluiceError(f"{path} is empty." if not head else f"{path} has no header in its first line.", look)
        try:
            names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error as error:
            raise SluiceError(f"{path}: its header cannot be read as CSV ({error}).", look) from error
        # Who declares a comma has a file of one column.
        if len(names) == 1 and self.reading.csv.separator != "comma":
            _refuse_other_separator(path, text, sample, self.reading.csv.separator or "comma")
        check_names(path, names)
        return CsvPart(path, len(head), 1 + head.count(b"\n"), columns=tuple(names))

    def parse(self, part: CsvPart, piece: Piece, only: list[str] | None) -> Rows:
        """Cells as text."""
        from sources.csv_cells import rows_of

        wanted = self.reading.kept(part.columns) if only is None else only
        return rows_of(part.path, part.columns, piece.raw, piece.line, wanted, self.reading.csv)

    def last_end(self, raw: bytes) -> int:
        """After a newline outside quotes."""
        from sources.csv_records import last_record_end

        return last_record_end(raw, self.reading.csv.delimiter)


def _refuse_other_separator(path: str, header: str, sample: bytes, used: str) -> None:
    """Refuses a file whose header is one column, where another separator makes the same number of several columns of
    it and of the rows below."""
    rows = sample.decode("utf-8", "replace").splitlines()[:_ROWS_SAMPLED]
    for word, sign in SEPARATORS.items():
        try:
            # The last record may be cut off, also within quotes.
            records = list(csv.reader([header, *rows], delimiter=sign))[:-1]
            widths = {len(cells) for cells in records if cells}
        except csv.Error:
            continue
        if len(widths) == 1 and widths != {1}:
            raise SluiceError(
                f"{path} looks as if a {word} stood between its cells: that makes {widths.pop()} columns, and a "
                f"{used} one.",
                f"Say so:  --set data.csv.separator={word}   (python -m gates check: --separator {word}; or comma, if "
                "it is one column)",
            )
