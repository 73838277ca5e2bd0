"""`gates check` on files and the DataGate on the examples that ingest makes of the same files see the same columns, of
the same kinds, with the same values, and find the same."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx.types import artifact_utils, standard_artifacts

from core.errors import SluiceError
from gates.api import data_of
from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.gate import judge_data
from gates.tables.table import ColumnKind, Table
from gates.verdict.finding import GateReport, Severity
from gates.verdict.settings import GateSettings
from gates.workload import Workload
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.evidence.data import read_table
from pipeline.ingest.plan import Wanted
from pipeline.ingest.preflight import check_source
from pipeline.ingest.run import Ingested, ingest
from pipeline.ingest.source import resolve_source
from sources.kinds import Kind
from sources.reading import Reading
from tests.samples import contamination, source_files
from tests.samples.image_files import sample_images, write_idx

SPLITS = ("train", "eval", "test")
ROWS = {"train": 160, "eval": 60, "test": 40}


@dataclass
class Files:
    """Files of one source by split, and what an endpoint saw; `sorts`: what the gates must take columns of train
    for; `blocks`: subjects that must be among those of the findings that block; `spared`: those that must not."""

    splits: dict[str, Path]
    serving: Path | None = None
    column_types: Mapping[str, str] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)  # as in the section `data`
    sorts: Mapping[str, ColumnKind] = field(default_factory=dict)
    blocks: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()


def columns(split: str, **more: Callable[[int], Any]) -> dict[str, list[Any]]:
    """Rows of a split: a label, the numbers that hint at it, a code and what else is asked for by the row's number."""
    rng = np.random.default_rng(sum(map(ord, split)))
    n = ROWS.get(split, 80)
    label = rng.integers(0, 2, n)
    found: dict[str, list[Any]] = {
        "split": [split] * n,
        "label": label.tolist(),
        "amount": [round(float(v), 2) if v > 0.1 else None for v in rng.random(n) * 9 + label],
        "count": [int(v) if v else None for v in rng.integers(0, 50, n)],
        "city": [["Oslo", "Bergen, Nord", 'say "hi"', None][v] for v in rng.integers(0, 4, n)],
    }
    return found | {name: [value(i) for i in range(n)] for name, value in more.items()}


def written(folder: Path, suffix: str, **more: Callable[[int], Any]) -> dict[str, Path]:
    writer = source_files.WRITERS[suffix]
    return {split: writer(folder / f"{split}{suffix}", columns(split, **more)) for split in SPLITS}


def every_format(suffix: str) -> Callable[[Path], Files]:
    def write(folder: Path) -> Files:
        splits = written(folder / "in", suffix)
        lost = columns("serving")
        lost["city"] = [city and city.upper() for city in lost["city"]]
        serving = source_files.WRITERS[suffix](folder / f"serving{suffix}", {k: lost[k] for k in lost if k != "label"})
        sorts = {"amount": ColumnKind.NUMBER, "count": ColumnKind.NUMBER, "city": ColumnKind.CATEGORY}
        return Files(splits, serving, sorts=sorts, blocks=frozenset({"city in serving"}))

    return write


def leading_zeros(folder: Path) -> Files:
    """Codes lose their zeros on the way to the endpoint: as numbers they are the same."""
    splits = written(folder / "in", ".csv", zip=lambda i: f"{(i * 37) % 40:05d}")
    serving = source_files.write_csv(folder / "serving.csv", columns("serving", zip=lambda i: f"{(i * 37) % 40}"))
    return Files(splits, serving, sorts={"zip": ColumnKind.NUMBER}, spared=frozenset({"zip in serving"}))


def leading_zeros_as_text(folder: Path) -> Files:
    """The same codes, said to be text: now the loss is seen."""
    files = leading_zeros(folder)
    types, sorts = {"zip": "string"}, {"zip": ColumnKind.CATEGORY}
    return replace(files, column_types=types, sorts=sorts, blocks=files.spared, spared=frozenset())


def odd_csv(folder: Path) -> Files:
    """Byte order mark, carriage returns, quoted newlines, blank lines, underscores, long codes, words for missing."""
    splits = written(
        folder / "in",
        ".csv",
        note=lambda i: f"a\nb {i % 3}",
        long=lambda i: f"{10**20 + i % 9}",
        thousands=lambda i: f"1_{i:03d}",
        na=lambda i: "NA" if i % 11 == 5 else i,
        hexa=lambda i: hex(i % 7),
        spaced=lambda i: f" {i % 6} ",
        never=lambda i: None,
        day=lambda i: f"2020-01-{i % 28 + 1:02d}",
    )
    for path in splits.values():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n\n", 3))
    sorts = {
        "long": ColumnKind.CATEGORY,
        "thousands": ColumnKind.NUMBER,
        "na": ColumnKind.CATEGORY,
        "hexa": ColumnKind.CATEGORY,
    }
    return Files(
        splits, sorts={**sorts, "spaced": ColumnKind.NUMBER, "never": ColumnKind.EMPTY, "day": ColumnKind.CATEGORY}
    )


def literal_quotes(folder: Path) -> Files:
    """Quotes inside cells, which open nothing; some of them in rows beside which newlines stand in quotes."""
    splits = written(folder / "in", ".csv", size=lambda i: f"INCH{i % 4}", note=lambda i: f"a\nb {i % 3}")
    for path in splits.values():
        path.write_text(path.read_text().replace("INCH", '5" pipe '))
    return Files(splits, sorts={"size": ColumnKind.CATEGORY, "note": ColumnKind.CATEGORY})


def declared_csv(folder: Path) -> Files:
    """Semicolons, decimal commas, groups of thousands, words for missing, and a column that is left out."""
    splits = written(
        folder / "in",
        ".csv",
        price=lambda i: f"{i % 9}#5",
        income=lambda i: f"{1 + i % 5}.{i % 7}00" if i % 6 else "NA",
        code=lambda i: f"1#5 {i % 3}",
        extra=lambda i: f"unused {i}",
    )
    for path in splits.values():
        rows = list(csv.reader(path.open(newline="")))
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter=";").writerows([[cell.replace("#", ",") for cell in row] for row in rows])
        text = path.read_text()
        # The numbers of the other columns in the declared form, too.
        path.write_text(re.sub(r"(?<=;)(\d+)\.(\d{1,2})(?=;)", r"\1,\2", text))
    form = {"separator": "semicolon", "decimal": "comma", "thousands": "point", "missing": ["NA"]}
    sorts = {"price": ColumnKind.NUMBER, "income": ColumnKind.NUMBER, "code": ColumnKind.CATEGORY}
    return Files(splits, reading={"csv": form, "ignore_columns": ["extra"]}, sorts=sorts)


def text_in_one_split(folder: Path) -> Files:
    """A column that is text in one file of the source is text in all of them."""
    splits = written(folder / "in", ".csv.gz", code=lambda i: i % 9)
    source_files.write_csv(splits["eval"], columns("eval", code=lambda i: "A1" if i == 5 else i % 9))
    return Files(splits, sorts={"code": ColumnKind.CATEGORY})


def text_in_serving(folder: Path) -> Files:
    """A column that turned to text at the endpoint alone keeps its kind in train."""
    splits = written(folder / "in", ".csv")
    serving = columns("serving")
    serving["count"] = [f"${value}" for value in serving["count"]]
    path = source_files.write_csv(folder / "serving.csv", serving)
    return Files(splits, path, sorts={"count": ColumnKind.NUMBER}, blocks=frozenset({"count in serving"}))


def rewritten_serving(folder: Path) -> Files:
    """pandas writes whole numbers among which one is missing with a point: beyond 24 bits a float would change them."""
    splits = written(folder / "in", ".csv", tract=lambda i: 17031081700 + i % 9 if i % 5 else None)
    serving = columns("serving", tract=lambda i: float(17031081700 + i % 9) if i % 5 else None)
    path = source_files.write_csv(folder / "serving.csv", serving)
    return Files(splits, path, sorts={"tract": ColumnKind.NUMBER}, spared=frozenset({"tract in serving"}))


def typed_parquet(folder: Path) -> Files:
    """Times, days, truth, decimals, dictionaries, lists, bytes, widths of numbers and names with dots."""
    when = datetime.datetime(2020, 1, 31, 12, 30, 0, 250_000)
    splits = {}
    for split in SPLITS:
        own = columns(split)
        n = len(own["label"])
        table = pa.table({name: pa.array(values) for name, values in own.items()})
        for name, values in {
            "when": pa.array([when + datetime.timedelta(hours=i % 50) for i in range(n)], pa.timestamp("us")),
            "nano": pa.array([1_600_000_000_123_456_789 + 10**11 * (i % 9) for i in range(n)], pa.timestamp("ns")),
            "far": pa.array([datetime.date(1 if i % 2 else 9999, 12, 1 + i % 9) for i in range(n)], pa.date32()),
            "day": pa.array([when.date() + datetime.timedelta(days=i % 9) for i in range(n)]),
            "truth": pa.array([i % 3 == 0 if i % 4 else None for i in range(n)]),
            "price": pa.array([decimal.Decimal(i % 7) / 4 for i in range(n)], pa.decimal128(9, 2)),
            "code": pa.array([f"c{i % 4}" for i in range(n)]).dictionary_encode(),
            "short": pa.array([i % 5 for i in range(n)], pa.int8()),
            "wide": pa.array([i / 3 for i in range(n)], pa.float64()),
            "raw": pa.array([b"ab" if i % 2 else b"cd" for i in range(n)]),
            "vector": pa.array([[i % 3, 2, 3] for i in range(n)]),
            "ragged": pa.array([[1.5] * (i % 3) for i in range(n)]),
            "single": pa.array([[i % 3] if i % 4 else [] for i in range(n)]),
            "count.1": pa.array(range(n)),
            "never": pa.nulls(n, pa.int64()),
        }.items():
            table = table.append_column(name, values)
        (folder / "in").mkdir(exist_ok=True)
        pq.write_table(table, splits.setdefault(split, folder / f"in/{split}.pq"), row_group_size=50, version="2.6")
    sorts = {
        "when": ColumnKind.NUMBER,
        "vector": ColumnKind.IMAGE,
        "ragged": ColumnKind.OTHER,
        "single": ColumnKind.NUMBER,
    }
    return Files(
        splits, sorts={**sorts, "count.1": ColumnKind.NUMBER, "never": ColumnKind.EMPTY, "code": ColumnKind.CATEGORY}
    )


def typed_json(folder: Path) -> Files:
    """Truth, lists, times as text and keys that are absent."""
    splits = written(
        folder / "in",
        ".ndjson",
        truth=lambda i: i % 3 == 0,
        vector=lambda i: [i % 3, 2.5, 3],
        when=lambda i: f"2020-01-{i % 28 + 1:02d}T10:00:00Z",
        code=lambda i: f"0{i % 9}",
    )
    sorts = {
        "truth": ColumnKind.NUMBER,
        "vector": ColumnKind.IMAGE,
        "when": ColumnKind.CATEGORY,
        "code": ColumnKind.CATEGORY,
    }
    return Files(splits, sorts=sorts)


def taxi(folder: Path) -> Files:
    """Real rides; some of test are copies of train's, and tips give the label away."""
    rides = contamination.rides().sample(3000, random_state=8).rename(columns={contamination.LABEL: "label"})
    parts = {"train": rides[:2400], "eval": rides[2400:2700], "test": pd.concat([rides[2700:], rides[:100]])}
    (folder / "in").mkdir()
    for split, part in parts.items():
        part.assign(split=split).to_csv(folder / f"in/{split}.csv", index=False)
    return Files({split: folder / f"in/{split}.csv" for split in SPLITS}, blocks=frozenset({"tips"}))


CASES: dict[str, Callable[[Path], Files]] = {
    **{suffix: every_format(suffix) for suffix in source_files.WRITERS},
    **{
        case.__name__: case
        for case in (
            leading_zeros,
            leading_zeros_as_text,
            odd_csv,
            literal_quotes,
            declared_csv,
            text_in_one_split,
            text_in_serving,
            rewritten_serving,
            typed_parquet,
            typed_json,
            taxi,
        )
    },
}


def ingested(folder: Path, source: Path, data: Mapping[str, Any], **wanted: Any) -> Ingested:
    config = DataConfig(source=str(source), label="label", **data)
    split = SplitConfig(by="column", column="split")
    return ingest(
        lambda: beam.Pipeline(argv=["--runner=FnApiRunner"]),
        resolve_source(config),
        Wanted(config, split, **wanted),
        str(folder),
    )


def as_table(folder: Path, split: str, name: str) -> Table:
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(folder), artifact_utils.encode_split_names([split])
    return read_table(examples, split, name)


def seen_by_the_data_gate(folder: Path, files: Files) -> Data:
    """The tables that the DataGate makes of the examples of a run."""
    types = {"column_types": dict(files.column_types), **files.reading}
    run = ingested(folder / "examples", next(iter(files.splits.values())).parent, types)
    tables = {split: as_table(folder / "examples", split, split) for split in SPLITS}
    serving = None
    if files.serving is not None:
        known = {name: Kind(kind) for name, kind in run.kinds.items()}
        ingested(folder / "log", files.serving, types, only="serving", known=known)
        serving = as_table(folder / "log", "serving", "serving")
    return Data(tables.pop("train"), tables, serving, declared=Declared(label="label"))


def seen_by_gates_check(files: Files) -> Data:
    given = {**files.splits, **({"serving": files.serving} if files.serving else {})}
    # A run assigns its rows by this column, which is then none of its examples.
    ignored = [*files.reading.get("ignore_columns", ()), "split"]
    workload = Workload(
        label="label",
        column_types=files.column_types,
        reading=Reading.model_validate({**files.reading, "ignore_columns": ignored}),
    )
    return data_of(given, workload)


def tables_of(data: Data) -> dict[str, Table]:
    return {"train": data.train, **data.held_out, **({"serving": data.serving} if data.serving else {})}


def judged(data: Data) -> GateReport:
    return replace(judge_data(data, GateSettings()), seconds=0.0)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_gates_check_and_the_data_gate_judge_the_same(case: Callable[[Path], Files], tmp_path: Path) -> None:
    files = case(tmp_path)
    ours, runs = seen_by_gates_check(files), seen_by_the_data_gate(tmp_path, files)
    for name, table in tables_of(ours).items():
        other = tables_of(runs)[name]
        assert table.rows == other.rows
        assert table.kinds == other.kinds
        assert [c for c in table.columns if not _same(table, other, c)] == []
    assert {name: ours.train.kinds[name] for name in files.sorts} == dict(files.sorts)
    report, of_run = judged(ours), judged(runs)
    assert sorted(map(repr, report.findings)) == sorted(map(repr, of_run.findings))
    assert (report.verdict, sorted(report.checks_run)) == (of_run.verdict, sorted(of_run.checks_run))
    blocked = {finding.subject for finding in report.of(Severity.BLOCK)}
    assert blocked >= files.blocks
    assert blocked.isdisjoint(files.spared)


def _same(table: Table, other: Table, column: str) -> bool:
    pairs = zip(table.words([column]), other.words([column]), strict=True)
    return all(np.array_equal(np.sort(one), np.sort(two)) for one, two in pairs)


def test_images_of_idx_files_are_the_same_pixels(tmp_path: Path) -> None:
    names = {"train": "train", "eval": "t10k"}
    paths = {
        side: write_idx(tmp_path / "in", prefix, sample_images(60, seed), np.arange(60, dtype=np.uint8) % 3)
        for seed, (side, prefix) in enumerate(names.items())
    }
    config = DataConfig(source=str(tmp_path / "in"), label="label")
    split = SplitConfig(train=0.9, eval=0.1, test_files="t10k-*")
    wanted = Wanted(config, split)
    ingest(lambda: beam.Pipeline(argv=["--runner=FnApiRunner"]), resolve_source(config), wanted, str(tmp_path / "out"))
    ours = data_of({side: str(path) for side, path in paths.items()}, Workload(label="label"))
    test = as_table(tmp_path / "out", "test", "eval")
    assert ours.held_out["eval"].kinds == test.kinds == {"image": ColumnKind.IMAGE, "label": ColumnKind.NUMBER}
    assert all(_same(ours.held_out["eval"], test, column) for column in ("image", "label"))


def test_a_file_that_ingest_would_refuse_is_refused_with_the_same_reason(tmp_path: Path) -> None:
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,label\n1,0\n" * 900)[:30])
    config = DataConfig(source=str(tmp_path / "cut.csv.gz"), label="label")
    with pytest.raises(SluiceError) as by_gates:
        data_of({"train": config.source}, Workload(label="label"))
    with pytest.raises(SluiceError) as by_ingest:
        check_source(resolve_source(config), config, SplitConfig())
    assert by_gates.value.headline == by_ingest.value.headline
