"""For any table the gates return a verdict or one plain sentence, and the same one every time.

Hypothesis draws the tables; `HYPOTHESIS_PROFILE=hunt` draws ten times as many, and other ones each time."""

from __future__ import annotations

import datetime
import decimal
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gates
from core.errors import SluiceError
from gates.command.app import main
from gates.verdict.finding import GateReport

_HUNTING = os.environ.get("HYPOTHESIS_PROFILE") == "hunt"
_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def drawn(examples: int) -> Any:
    """The same tables in every run of the suite; new ones on a hunt."""
    return settings(
        max_examples=examples * 10 if _HUNTING else examples,
        derandomize=not _HUNTING,
        deadline=None,
        database=None,
        suppress_health_check=[*_QUIET, HealthCheck.function_scoped_fixture],
    )


Rng = np.random.Generator
Values = Callable[[Rng, int], Any]


def pick(*values: Any) -> Values:
    return lambda rng, n: [values[i] for i in rng.integers(0, len(values), n)]


def arrow(type_: pa.DataType, *values: Any) -> Values:
    return lambda rng, n: pa.array(pick(*values)(rng, n), type_)


DAY, NOW = datetime.date(2020, 1, 31), datetime.datetime(2020, 1, 31, 12, 30)
COLUMNS: dict[str, Values] = {
    "whole": lambda rng, n: rng.integers(0, 1000, n),
    "few": lambda rng, n: rng.integers(0, 3, n),
    "real": lambda rng, n: rng.normal(size=n),
    "sparse": lambda rng, n: np.where(rng.random(n) < 0.5, np.nan, rng.random(n)),
    "row number": lambda rng, n: np.arange(n),
    "constant": pick(7),
    "missing": pick(None),
    "nan": pick(float("nan")),
    "infinite": pick(1.5, float("inf"), float("-inf"), float("nan")),
    "largest": pick(1.7e308, -1.7e308, 5e-324, 0.0),
    "huge": pick(2**63 - 1, -(2**63), 2**53 + 1, 0),
    "beyond 64 bits": pick(2**70, -(2**90), 1),
    "unsigned": arrow(pa.uint64(), 2**64 - 1, 0, 5, None),
    "half": arrow(pa.float16(), np.float16(1.5), np.float16(65504)),
    "truth": pick(True, False),
    "truth or not": pick(True, False, None),
    "truth in words": pick("true", "False", "yes", ""),
    "mixed": pick(1, "1", 2.5, None, b"x", (1, 2)),
    "text and numbers": pick("a", 1.0, None),
    "words": pick("a fine day", "no day at all", "the very last of days", "über allen Gipfeln"),
    "unicode": pick("Zoë", "東京", "🚕", "e\u0301", "\u202e"),
    "nul": pick("a\0b", "\0", "", " "),
    "surrogate": pick("\ud800", "x"),
    "distinct": lambda rng, n: [f"id-{i}-{rng.integers(1 << 40)}" for i in range(n)],
    "empty text": pick(""),
    "day": pick(DAY, DAY.replace(year=1), None),
    "moment": pick(NOW, NOW.replace(year=9999), None),
    "zoned": arrow(pa.timestamp("ns", "Asia/Tokyo"), NOW, None),
    "clock": arrow(pa.time64("us"), datetime.time(12), None),
    "span of time": arrow(pa.duration("us"), datetime.timedelta(days=3), None),
    "iso": pick("2020-01-31", "2020-01-31T12:00:00Z", "soon", None),
    "decimal": pick(decimal.Decimal("1.10"), decimal.Decimal("-3"), None),
    "wide decimal": arrow(pa.decimal256(60, 3), decimal.Decimal("1" * 50), None),
    "lists": pick([1, 2], [3], [], None),
    "vectors": pick([1.0, 2.0, 3.0], [0.0, float("nan"), float("inf")]),
    "vectors or not": pick([1, 2, 3, 4], None),
    "nested": pick([[1, 2], [3, 4]], [[0, 0], [5, 6]]),
    "ragged": pick([[1], [2, 3]], [], None),
    "texts": pick(["a"], ["b", "c"], []),
    "struct": pick({"a": 1, "b": "x"}, None),
    "bytes": pick(b"\xff\x00\x01", b"\xfe", None),
    "images": pick(b"\x89PNG broken", b"\x89PNG too"),
    "codes": lambda rng, n: pa.array(pick("x", "y", None)(rng, n)).dictionary_encode(),
    "binary of one size": arrow(pa.binary(4), b"abcd", b"\xff\xfe\xfd\xfc"),
    "imaginary": pick(1 + 2j, 0j),
    "objects": pick(object, len),
}
NAMES = ["a", "b", "c", "label", "ID", " ", "", "Größe", "価格", "x\0y", "n\nn", "a.b", "pixel_1", "nan", "long" * 50]


@dataclass
class Case:
    """Tables and their declarations."""

    tables: dict[str, dict[str, Any]]
    words: dict[str, str]


@st.composite
def cases(draw: Callable[..., Any]) -> Case:
    """Tables that agree in most columns, and in some do not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=7, unique=True))
    kinds = {name: draw(st.sampled_from(sorted(COLUMNS))) for name in names}
    tables = {}
    for side in ("train", "eval", "test", "serving", "previous"):
        if side != "train" and not draw(st.booleans()):
            continue
        own = dict(kinds)
        if side != "train" and draw(st.integers(0, 3)) == 0:
            own[draw(st.sampled_from(NAMES))] = draw(st.sampled_from(sorted(COLUMNS)))
        if side != "train" and len(own) > 1 and draw(st.integers(0, 4)) == 0:
            own.pop(draw(st.sampled_from(sorted(own))))
        rows = draw(st.sampled_from([1, 2, 3, 12, 60, 250, 0]))
        tables[side] = {name: COLUMNS[kind](rng, rows) for name, kind in own.items()}
    words = {
        word: draw(st.sampled_from([*names, *names, "not there"]))
        for word in ("label", "entity", "time")
        if draw(st.booleans())
    }
    return Case(tables, words)


def answer(tables: dict[str, Any], words: dict[str, str]) -> GateReport | str:
    """The report without its seconds, or the one sentence."""
    try:
        report = gates.check(**tables, **words)
    except SluiceError as refusal:
        assert_one_sentence(refusal.headline)
        return refusal.headline
    assert GateReport.loads(report.dumps()).verdict is report.verdict
    return replace(report, seconds=0.0)


def plain(found: GateReport | str) -> str:
    """As text, in which a figure that is NaN equals itself: since Python 3.13 no field of a dataclass does."""
    return found if isinstance(found, str) else found.dumps()


def assert_one_sentence(headline: str) -> None:
    assert headline.strip()
    assert "Traceback" not in headline
    assert len(headline) < 600


@drawn(40)
@given(cases())
def test_odd_columns_get_an_answer_or_one_sentence(case: Case) -> None:
    answer(case.tables, case.words)


KINDS = sorted(COLUMNS)


def odd_columns(rows: int, seed: int) -> dict[str, Any]:
    """One column of every odd kind, and a label."""
    rng = np.random.default_rng(seed)
    return {kind: COLUMNS[kind](rng, rows) for kind in KINDS} | {"label": rng.integers(0, 2, rows)}


def plain_columns(rows: int, seed: int) -> dict[str, Any]:
    """Numbers under the same names."""
    rng = np.random.default_rng(seed)
    return {kind: rng.normal(size=rows) for kind in KINDS} | {"label": rng.integers(0, 2, rows)}


@pytest.mark.parametrize("rows", [1, 2, 80])
def test_every_odd_column_gets_an_answer_beside_a_label(rows: int) -> None:
    tables = {side: odd_columns(rows, seed) for seed, side in enumerate(("train", "eval", "serving"))}
    assert isinstance(answer(tables, {"label": "label"}), GateReport)


@pytest.mark.parametrize("place", range(len(KINDS)))
def test_every_odd_column_may_be_label_entity_or_time(place: int) -> None:
    rng = np.random.default_rng(place)
    words = {word: KINDS[(place + step) % len(KINDS)] for step, word in enumerate(("label", "entity", "time"))}
    tables = {
        side: {kind: COLUMNS[kind](rng, 60) for kind in words.values()} | {"x": rng.normal(size=60)}
        for side in ("train", "eval")
    }
    found = answer(tables, words)
    # What cannot be a time or an entity is refused in one sentence; the others are then tried without it.
    for word in ("time", "entity"):
        if isinstance(found, str) and f"was given as the {word}" in found and "no value in any row" not in found:
            del words[word]
            found = answer(tables, words)
    # What was declared and holds nothing at all is refused in one sentence.
    assert isinstance(found, GateReport) or "has no value in any row of train" in found


def test_every_odd_column_may_stand_where_a_number_was() -> None:
    plain, odd = plain_columns(60, 1), odd_columns(60, 2)
    for tables in ({"train": plain, "eval": odd, "serving": odd}, {"train": odd, "eval": plain, "previous": plain}):
        assert isinstance(answer(tables, {"label": "label"}), GateReport)


@drawn(12)
@given(cases(), st.randoms(use_true_random=False))
def test_the_answer_depends_on_what_the_rows_are_alone(case: Case, random: Any) -> None:
    """Not on their order, nor on how Arrow cuts them into chunks, nor on the run."""
    whole = {side: arrow_table(columns) for side, columns in case.tables.items()}
    if any(table is None or not table.num_rows for table in whole.values()):
        return
    first = plain(answer(whole, case.words))
    assert plain(answer(whole, case.words)) == first
    shuffled = {side: shuffled_and_cut(table, random) for side, table in whole.items()}
    assert plain(answer(shuffled, case.words)) == first


def arrow_table(columns: dict[str, Any]) -> pa.Table | None:
    from gates.tables.frames import tables_of

    try:
        return tables_of({"t": columns})["t"]
    except SluiceError:
        return None


def shuffled_and_cut(table: pa.Table, random: Any) -> pa.Table:
    order = list(range(table.num_rows))
    random.shuffle(order)
    try:
        moved = table.take(order)
    except pa.ArrowNotImplementedError:  # this Arrow cannot take every type
        moved = table
    cut = random.randint(0, table.num_rows)
    return pa.concat_tables([moved[:cut], moved[cut:]])


@pytest.mark.parametrize("rows", [1, 30])
def test_very_wide_tables_get_an_answer(rows: int) -> None:
    rng = np.random.default_rng(0)
    tables = {
        side: {f"c{i}{'x' * (i % 2)}": rng.normal(size=rows) for i in range(300)} | {"label": rng.integers(0, 2, rows)}
        for side in ("train", "eval")
    }
    assert isinstance(answer(tables, {"label": "label"}), GateReport)


def test_two_columns_of_one_name_are_one_sentence() -> None:
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    for given_ in (frame, pa.table([[1], [2]], names=["a", "a"])):
        assert "two columns named `a`" in str(answer({"train": given_, "eval": given_}, {}))


# Files, as the command reads them.

CELLS = st.sampled_from(
    [
        "",
        "1",
        "-1",
        "2.5",
        "1e999",
        "nan",
        "x",
        "Zoë",
        '"a,b"',
        '"',
        "a\0b",
        "2020-01-31",
        "9" * 40,
        " ",
        "\t",
        "東京",
        '"two\nlines"',
        "true",
        "0x1F",
        "'",
        "1,5",
    ]
)


@st.composite
def csv_files(draw: Callable[..., Any]) -> bytes:
    """Something like a CSV file, often a broken one."""
    names = draw(
        st.lists(st.sampled_from(["a", "b", "label", "Größe", '"q""q"', "a b", "", "1"]), min_size=1, max_size=4)
    )
    width = len(names)
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=12))
    ending = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = ending.join(",".join(row) for row in [names, *rows]) + draw(st.sampled_from(["", ending]))
    raw = text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))
    return raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 5)) == 0 else raw


def run_command(*words: object) -> Any:
    """The command's end: 0, 2 or 3, never a traceback; with 3, one sentence and no report."""
    ended = CliRunner().invoke(main, [str(word) for word in words])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code in (0, 2, 3), ended.output
    assert "Traceback" not in ended.output
    if ended.exit_code == 3:
        lines = ended.output.strip().split("\n")
        assert lines[0].startswith("sluice: ")
        assert len(lines) <= 2, lines
    return ended


@drawn(40)
@given(csv_files(), csv_files(), st.sampled_from(["label", "a", "Größe", None]))
def test_odd_csv_files_get_an_answer_or_one_sentence(
    tmp_path: Path, train: bytes, other: bytes, label: str | None
) -> None:
    (tmp_path / "train.csv").write_bytes(train)
    (tmp_path / "eval.csv").write_bytes(other)
    words = ["--train", tmp_path / "train.csv", "--eval", tmp_path / "eval.csv", "--json", tmp_path / "out.json"]
    (tmp_path / "out.json").unlink(missing_ok=True)
    ended = run_command("check", *words, *(["--label", label] if label else []))
    assert (tmp_path / "out.json").exists() is (ended.exit_code != 3)
    if ended.exit_code != 3:
        json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    run_command("describe", "--data", tmp_path / "train.csv", *(["--label", label] if label else []))


@drawn(25)
@given(st.binary(max_size=400), st.sampled_from(["x.csv", "x.csv.gz", "x.parquet", "x.tfrecord", "x.gz"]))
def test_any_bytes_get_one_sentence_or_an_answer(tmp_path: Path, raw: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(raw)
    run_command("check", "--train", tmp_path / name, "--eval", tmp_path / name, "--label", "a")
    run_command("describe", "--data", tmp_path / name)


def test_every_odd_column_may_stand_in_a_parquet_file(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    written = []
    for name, values in odd_columns(40, 6).items():
        table = arrow_table({name: values})
        assert table is not None
        try:
            pq.write_table(table, tmp_path / "one.parquet")
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # Parquet does not hold every type
            continue
        written.append(table.column(0))
    assert len(written) > len(KINDS) - 5
    names = list(odd_columns(1, 0))[: len(written)]
    pq.write_table(pa.table(dict(zip(names, written, strict=True))), tmp_path / "t.parquet")
    run_command("check", "--train", tmp_path / "t.parquet", "--eval", tmp_path / "t.parquet", "--label", names[-1])
    for name in names[::5]:
        run_command("describe", "--data", tmp_path / "t.parquet", "--label", name, "--time", name)
