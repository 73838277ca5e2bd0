"""Compares our reading of generated CSV files with that of Python's own reader: rows, cells and lines.

  python -m benchmarks.csv_fuzz --files 2000 [--seed 0]

The files hold what breaks readers: quotes in the middle of cells, newlines and separators in quotes, quotes that are
never closed, rows of other widths, blank lines, blocks that end anywhere. Exit code 2 when a file differs."""

from __future__ import annotations

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()

import csv
import io
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import click

from sources.csv import Csv
from sources.csv_form import SEPARATORS
from sources.reading import Reading

_BLOCKS = (64, 100, 128, 256, 512, 1024, 2048, 4096)
_PLAIN = ("1", "abc", "2.5", "", "größe", " ", "NA")
_LITERAL_QUOTES = ('5" pipe', 'a"b', 'x""y', 'a "b" c', '"a"b', '"a" b"c', '"', '""', '"""', "it's")


@dataclass
class Compared:
    """What the readers made of some files: rows that are equal, rows that ours refused with their line, and how the
    first row of each differing file differs."""

    files: int = 0
    equal: int = 0
    refused: int = 0
    different: list[str] = field(default_factory=list)


def compare(seeds: range, folder: Path) -> Compared:
    """Writes and reads a file for each seed."""
    found = Compared()
    path = folder / "generated.csv"
    for seed in seeds:
        rng = random.Random(seed)
        word, sign = rng.choice(list(SEPARATORS.items()))
        text = _generated(rng, sign)
        path.write_bytes(text.encode())
        with patch("sources.text_files.BLOCK_BYTES", rng.choice(_BLOCKS)):
            _compare_file(found, seed, path, text, word)
    return found


def _generated(rng: random.Random, sign: str) -> str:
    columns = rng.randint(1, 6)
    lines = [sign.join(f"c{place}" for place in range(columns))]
    for _ in range(rng.randint(1, 80)):
        if rng.random() < 0.03:
            lines.append("")
        width = columns if rng.random() < 0.95 else rng.randint(1, 7)
        lines.append(sign.join(_cell(rng, sign) for _ in range(width)))
    newline = rng.choice(["\n", "\r\n"])
    return newline.join(lines) + newline * rng.choice([0, 1, 1])


def _cell(rng: random.Random, sign: str) -> str:
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(_PLAIN)
    if draw < 0.7:
        inside = "".join(rng.choice(["a", '"', sign, "\n", "b", "1", "\r\n"]) for _ in range(rng.randint(0, 8)))
        return '"' + inside.replace('"', '""') + '"'
    if draw < 0.9:
        return rng.choice(_LITERAL_QUOTES)
    return "".join(rng.choice(["a", "b", '"', "1"]) for _ in range(rng.randint(0, 6)))


def _expected(text: str, sign: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row by Python's reader, the header first."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign)
    line = 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _compare_file(found: Compared, seed: int, path: Path, text: str, separator: str) -> None:
    format_ = Csv(Reading.model_validate({"csv": {"separator": separator}}))
    rows: dict[int, list[str | None]] = {}
    rejects: dict[int, str] = {}
    for batch in format_.read(format_.whole(str(path))):
        read = (list(row.values()) for row in batch.columns.to_pylist())
        rows |= dict(zip(batch.lines.tolist(), read, strict=True))
        rejects |= {reject.line: reject.reason for reject in batch.rejects}
    found.files += 1
    (_, header), *expected = list(_expected(text, SEPARATORS[separator]))
    for line, cells in expected:
        reason = rejects.pop(line, None)
        # Python's reader closes an open quote at the end of the file without a word.
        if reason is not None and (len(cells) != len(header) or "never closed" in reason):
            found.refused += 1
        elif reason is None and rows.pop(line, None) == [cell or None for cell in cells]:
            found.equal += 1
        else:
            found.different.append(f"seed {seed}, line {line}: Python reads {cells!r}; ours: {reason or 'other cells'}")
            return
    if rows or rejects:
        found.different.append(f"seed {seed}: rows that Python does not have at lines {sorted({*rows, *rejects})[:5]}")


@click.command()
@click.option("--files", default=2000, show_default=True, help="How many.")
@click.option("--seed", default=0, show_default=True, help="Of the first file.")
def main(files: int, seed: int) -> None:
    """Compare and print how many rows are equal."""
    with tempfile.TemporaryDirectory() as folder:
        found = compare(range(seed, seed + files), Path(folder))
    click.echo(
        f"{found.files:,} files: {found.equal:,} rows equal, {found.refused:,} refused with their line, "
        f"{len(found.different):,} files differ"
    )
    for each in found.different[:10]:
        click.echo(each)
    sys.exit(2 if found.different else 0)


if __name__ == "__main__":
    main()
