"""CSV: the first line names the columns, a comma stands between cells, a newline ends a row, and quotes hold all
three. Cells are text, and what they are is inferred from all of them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from core.errors import SluiceError
from sources.format import Rows, check_names, check_stored
from sources.storage import open_content, plain_read_errors
from sources.text_files import BOM, Piece, TextFormat, TextPart


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
          SluiceError: as every format; also when there is none.
        """
        check_stored(path)
        whole = self.whole(path)
        with plain_read_errors(path), open_content(path) as content:
            content.read(whole.offset)
            while piece := content.read(1 << 16):
                if piece.strip():
                    return whole.columns
        raise SluiceError(f"{path} {self.no_rows}.", f"Look:  head {path}")

    def whole(self, path: str) -> CsvPart:
        """What is below the header.

        Raises:
          SluiceError: when the header is missing, is no UTF-8 text, or names a column twice or not at all.
        """
        with plain_read_errors(path), open_content(path) as content:
            head = content.readline()
            while head.count(b'"') % 2 and (more := content.readline()):
                head += more
        look = f"Look:  head -1 {path}"
        try:
            # csv reads no NUL before Python 3.11.
            text = head.removeprefix(BOM).decode("utf-8").replace("\0", "\ufffd")
        except UnicodeDecodeError as error:
            raise SluiceError(f"{path} is not UTF-8 text.", f"Look:  file {path}") from error
        if not text.strip():
            raise SluiceError(f"{path} is empty." if not head else f"{path} has no header in its first line.", look)
        try:
            names = next(csv.reader(io.StringIO(text, newline="")))
        except csv.Error as error:
            raise SluiceError(f"{path}: its header cannot be read as CSV ({error}).", look) from error
        check_names(path, names)
        return CsvPart(path, len(head), 1 + head.count(b"\n"), columns=tuple(names))

    def parse(self, part: CsvPart, piece: Piece, only: list[str] | None) -> Rows:
        """Cells as text."""
        from sources.csv_cells import rows_of

        return rows_of(part.path, part.columns, piece.raw, piece.line, only)

    def last_end(self, raw: bytes) -> int:
        """After a newline outside quotes."""
        from sources.csv_cells import last_record_end

        return last_record_end(raw)
