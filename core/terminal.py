"""The one console that draws tables and lines on a terminal or into a file; text from data cannot act on it."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO, cast

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from core.printable import one_line, printable

_WIDTH_IN_FILES = 200
_FILLING = re.compile(r"[ \t]+$", re.MULTILINE)


class PlainConsole(Console):
    """Reads no markup in what it prints, and prints control characters in letters; its own codes still work."""

    def __init__(self, stream: TextIO, width_in_files: int = _WIDTH_IN_FILES, soft_wrap: bool = False) -> None:
        width = None if stream.isatty() else width_in_files
        file = stream if stream.isatty() else cast(TextIO, _Trimmed(stream))
        super().__init__(file=file, width=width, markup=False, emoji=False, highlight=False, soft_wrap=soft_wrap)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What rich makes of `renderable`; every text passes here, whichever method printed it."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output, without a head when all `heads` are empty; its cells are folded, never cut."""
    table = Table(box=box.SIMPLE if any(heads) else None, show_header=any(heads))
    for head in heads:
        table.add_column(Text(one_line(head)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    PlainConsole(sys.stdout).print(table)


class _Trimmed(io.TextIOBase):
    """A file that gets the lines of a table without the blanks that fill its cells."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the file beneath: rich draws no frame that it cannot hold."""
        return self._stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Write `text`; rich calls this with whole lines."""
        self._stream.write(_FILLING.sub("", text))
        return len(text)

    def flush(self) -> None:
        """Flush the file beneath, if it is open: Python 3.13 also flushes what it collects, maybe later."""
        if not self._stream.closed:
            self._stream.flush()
