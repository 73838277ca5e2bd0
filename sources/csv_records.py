"""Where the records of a CSV file end, by the rule of Python's own reader: a quote opens a cell only at its start, two
quotes inside stand for one, and what follows the closing quote is taken as it is. So a `5" pipe` opens nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
_QUOTE, _NEWLINE = b'"', b"\n"


class Records(NamedTuple):
    """The records of text that begins with one. `ends`: the newlines after them. `is_standard`: all CSV readers read
    its quotes alike. `is_open`: a quote is opened in the last record and not closed."""

    ends: Places
    is_standard: bool
    is_open: bool


def records_in(raw: bytes, delimiter: str) -> Records:
    """The records of a stretch of text."""
    content = np.frombuffer(raw, np.uint8)
    newlines = np.flatnonzero(content == ord(_NEWLINE))
    if _QUOTE not in raw:
        return Records(newlines, True, False)
    quotes = np.flatnonzero(content == ord(_QUOTE))
    if _stand_at_edges(raw, quotes, delimiter):
        return Records(newlines[np.searchsorted(quotes, newlines) % 2 == 0], len(quotes) % 2 == 0, len(quotes) % 2 == 1)
    opened, closed = _quoted(raw, quotes, delimiter)
    last = np.searchsorted(opened, newlines) - 1
    inside = (last >= 0) & (newlines < np.append(closed, 0)[last])
    return Records(newlines[~inside], False, bool(len(closed)) and int(closed[-1]) == len(raw))


def last_record_end(raw: bytes, delimiter: str) -> int:
    """Where the last whole record ends; 0 when none does."""
    if _QUOTE not in raw:
        return raw.rfind(_NEWLINE) + 1
    ends = records_in(raw, delimiter).ends
    return int(ends[-1]) + 1 if len(ends) else 0


def _stand_at_edges(raw: bytes, quotes: Places, delimiter: str) -> bool:
    """Whether quotes open and close at the edges of cells, so that every second one closes."""
    content = np.frombuffer(b"\n" + raw + b"\n", np.uint8)
    before, after = content[quotes[0::2]], content[quotes[1::2] + 2]
    # A quote beside a quote stands for a quote inside the cell.
    may_open, may_close = f'{delimiter}\n"'.encode(), f'{delimiter}\r\n"'.encode()
    return bool(np.isin(before, list(may_open)).all() and np.isin(after, list(may_close)).all())


def _quoted(raw: bytes, quotes: Places, delimiter: str) -> tuple[Places, Places]:
    """Where quoted cells open and where they close; one that is not closed ends behind the text."""
    content = np.frombuffer(b"\n" + raw, np.uint8)
    opened, closed = [], []
    at = 0
    for place in quotes[np.isin(content[quotes], list(f"{delimiter}\n".encode()))].tolist():
        if place < at:
            continue
        opened.append(place)
        at = _closing(raw, place + 1)
        closed.append(at)
        at += 1
    return np.array(opened, np.int64), np.array(closed, np.int64)


def _closing(raw: bytes, at: int) -> int:
    while (place := raw.find(_QUOTE, at)) >= 0:
        if raw[place + 1 : place + 2] != _QUOTE:
            return place
        at = place + 2
    return len(raw)
