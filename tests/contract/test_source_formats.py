"""What every source format promises, once for all of them: a new one subclasses the contract and inherits each test."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ExitCode, SluiceError
from sources import idx, image_folder, parquet, text_files, tfrecord
from sources.column_kinds import ColumnKinds
from sources.format import Format, Part, Rows
from sources.formats import FORMATS, format_named, readable_suffixes
from sources.kinds import Kind, to_kind
from sources.locate import locate
from sources.reading import Reading
from sources.tfrecord import frame_records
from sources.typed import typed_to_kind
from tests.samples import source_files
from tests.samples.image_files import sample_images, write_classes, write_idx

N = 100


class SourceFormatContract:
    """What every format promises. A subclass gives `format`, `columns` and a good source of N rows."""

    format: Format[Any]
    columns: tuple[str, ...]

    def write(self, folder: Path) -> Path:
        """Writes N rows and gives what to point at."""
        raise NotImplementedError

    def unit(self, folder: Path) -> str:
        """What the format reads one by one, of a good source."""
        return locate(str(self.write(folder)))[1][0]

    def test_is_found_by_its_name_and_recognised_by_what_it_reads(self, tmp_path: Path) -> None:
        place = str(self.write(tmp_path))
        found, units = locate(place)
        assert found is self.format is format_named(self.format.name)
        assert units == locate(place, self.format.name)[1] != []

    def test_a_look_gives_the_columns_of_the_survey(self, tmp_path: Path) -> None:
        unit = self.unit(tmp_path)
        assert sorted(self.format.columns(unit) or ()) == sorted(self.format.survey(unit).kinds) == sorted(self.columns)

    def test_a_column_to_leave_out_is_in_no_row_and_no_survey(self, tmp_path: Path) -> None:
        left_out = self.columns[0]
        reading = Reading(ignore_columns=[left_out])
        place = str(self.write(tmp_path))
        if self.format.fixed_columns:
            with pytest.raises(SluiceError, match=r"images and their labels, and data\.ignore_columns"):
                locate(place, reading=reading)
            return
        format_, (unit, *_) = locate(place, reading=reading)
        assert left_out not in (format_.columns(unit) or ())
        survey = format_.survey(unit)
        assert sorted(survey.kinds) == sorted(self.columns[1:])
        for part in survey.parts:
            for rows in format_.read(part):
                assert sorted(rows.columns.schema.names) == sorted(self.columns[1:])

    def test_the_survey_gives_the_kinds_that_the_rows_have(self, tmp_path: Path) -> None:
        unit = self.unit(tmp_path)
        survey = self.format.survey(unit)
        kinds = ColumnKinds(unit)
        for rows in self.format.read(self.format.whole(unit)):
            kinds.add(rows)
        assert not survey.empty
        assert survey.kinds == kinds.kinds

    def test_the_parts_together_are_the_whole_whatever_their_size(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unit = self.unit(tmp_path)
        whole = self.rows(unit, self.format.whole(unit))
        assert len(whole) == N // (2 if self.format.by_class else 1)
        assert self.rows(unit, *self.format.survey(unit).parts) == whole
        for module, limit, value in (
            (text_files, "BLOCK_BYTES", 64),
            (text_files, "PART_BYTES", 300),
            (text_files, "BATCH_ROWS", 3),
            (parquet, "PART_BYTES", 300),
            (parquet, "BATCH_ROWS", 3),
            (tfrecord, "BATCH_ROWS", 3),
            (idx, "PART_VALUES", 300),
            (image_folder, "PART_FILES", 20),
        ):
            monkeypatch.setattr(module, limit, value)
        assert self.rows(unit, *self.format.survey(unit).parts) == whole

    def test_only_gives_the_columns_that_are_wanted(self, tmp_path: Path) -> None:
        unit = self.unit(tmp_path)
        part = self.format.whole(unit)
        for name in self.columns:
            batches = list(self.format.read(part, [name]))
            assert {tuple(rows.columns.schema.names) for rows in batches} == {(name,)}
            expected = [rows.columns.column(rows.columns.schema.get_field_index(name)) for rows in self.read(part)]
            assert [rows.columns.column(0) for rows in batches] == expected

    def test_lines_rise_and_no_row_is_without_one(self, tmp_path: Path) -> None:
        batches = self.read(self.format.whole(self.unit(tmp_path)))
        lines = [int(line) for rows in batches for line in rows.lines]
        assert len(lines) == sum(rows.columns.num_rows for rows in batches)
        assert lines == sorted(set(lines)) and lines[0] >= 1

    def test_a_survey_and_its_parts_travel_to_a_worker(self, tmp_path: Path) -> None:
        survey = self.format.survey(self.unit(tmp_path))
        assert pickle.loads(pickle.dumps(survey)) == survey

    def test_what_is_stored_is_there(self, tmp_path: Path) -> None:
        stored = self.format.stored(self.unit(tmp_path))
        assert stored and all(Path(path).is_file() for path in stored)

    def test_refuses_what_does_not_exist(self, tmp_path: Path) -> None:
        unit = self.unit(tmp_path)
        gone = unit.replace(str(tmp_path), str(tmp_path / "gone"))
        for act in (self.format.columns, self.format.survey, self.read_whole):
            self.refuses(act, gone, "does not exist|are missing")

    def read(self, part: Part) -> list[Rows]:
        return list(self.format.read(part))

    def read_whole(self, unit: str) -> list[Rows]:
        return self.read(self.format.whole(unit))

    def rows(self, unit: str, *parts: Part) -> list[tuple[Any, ...]]:
        """Each row's line and values as they would stand in its tf.Example, whatever the batches."""
        kinds = {name: self.format.survey(unit).kinds[name] for name in self.columns}
        found: list[tuple[Any, ...]] = []
        for rows in (rows for part in parts for rows in self.format.read(part)):
            columns = []
            for name, kind in kinds.items():
                place = rows.columns.schema.get_field_index(name)
                if place < 0:
                    columns.append([None] * rows.columns.num_rows)
                    continue
                column = rows.columns.column(place)
                columns.append(
                    (typed_to_kind(column, kind, name) if rows.typed else to_kind(column, kind))[0].to_pylist()
                )
            found += [(int(line), *map(str, row)) for line, *row in zip(rows.lines, *columns, strict=True)]
        return found

    def refuses(self, act: Any, unit: str, sentence: str) -> None:
        with pytest.raises(SluiceError, match=sentence) as refused:
            act(unit)
        assert refused.value.exit_code is ExitCode.UNUSABLE
        assert refused.value.next_command
        assert "\n" not in refused.value.headline


class FileContract(SourceFormatContract):
    """What formats of files promise besides. `cut` is a good file of theirs without its end."""

    def cut(self, folder: Path) -> Path:
        raw = (path := self.write(folder)).read_bytes()
        path.write_bytes(raw[: len(raw) // 2])
        return path

    def test_its_suffixes_are_listed_and_recognised(self) -> None:
        for suffix in self.format.suffixes:
            assert self.format.matches(f"rows{suffix}")
            assert suffix in readable_suffixes()

    def test_refuses_an_empty_file(self, tmp_path: Path) -> None:
        unit = self.unit(tmp_path)
        Path(unit).write_bytes(b"")
        self.refuses(self.format.columns, unit, "is empty")

    def test_refuses_a_file_that_is_cut_short(self, tmp_path: Path) -> None:
        unit = str(self.cut(tmp_path))
        for act in (self.format.columns, self.format.survey, self.read_whole):
            self.refuses(act, unit, "cut short|damaged")


ROWS: dict[str, list[Any]] = {
    "whole": [i if i % 9 else None for i in range(N)],
    "decimal": [i / 4 if i % 7 else None for i in range(N)],
    "text": [f"größe {i % 5}" if i % 5 else None for i in range(N)],
    "rounded": [float(i) if i % 3 else None for i in range(N)],
}
KINDS = {"whole": Kind.INT, "decimal": Kind.FLOAT, "text": Kind.BYTES, "rounded": Kind.FLOAT}


class TableContract(FileContract):
    """What formats of tables promise besides. `suffix` is how a file is called, `of_rows` writes one."""

    columns = tuple(ROWS)
    suffix: str

    def of_rows(self, path: Path, columns: source_files.Columns) -> Path:
        return source_files.WRITERS[self.suffix](path, columns)

    def write(self, folder: Path) -> Path:
        return self.of_rows(folder / f"rows{self.suffix}", ROWS)

    def test_the_same_rows_come_out_in_every_format(self, tmp_path: Path) -> None:
        """Which is what `TestCsv` says, and all others with it."""
        unit = self.unit(tmp_path)
        assert self.format.survey(unit).kinds == KINDS
        rows = self.rows(unit, self.format.whole(unit))
        written = [
            (None if w is None else w, None if d is None else float(np.float32(d)), t and t.encode(), r)
            for w, d, t, r in zip(*ROWS.values(), strict=True)
        ]
        assert [row[1:] for row in rows] == [tuple(map(str, row)) for row in written]

    def test_floats_that_are_all_whole_are_ints_on_request(self, tmp_path: Path) -> None:
        columns = frozenset({"rounded", "decimal", "text", "not there"})
        unit = self.unit(tmp_path)
        assert self.format.survey(unit, columns).whole == {"rounded"}
        assert self.format.survey(unit).whole == frozenset()

    def test_a_column_without_a_value_has_no_kind(self, tmp_path: Path) -> None:
        path = self.of_rows(tmp_path / f"rows{self.suffix}", {"a": [1, 2], "b": [None, None]})
        assert self.format.survey(str(path)).kinds.get("b", Kind.NONE) in (Kind.NONE, self.kind_of_valueless)

    kind_of_valueless = Kind.NONE

    def test_a_file_without_rows_is_refused_at_a_look_and_reported_by_the_survey(self, tmp_path: Path) -> None:
        unit = str(self.rowless(tmp_path / f"rows{self.suffix}"))
        self.refuses(self.format.columns, unit, self.format.no_rows)
        assert self.format.survey(unit).empty

    def rowless(self, path: Path) -> Path:
        return self.of_rows(path, {"a": [], "b": []})


class BadRowsContract:
    """What formats promise in which one row can be bad alone. `bad` writes three rows, and says why the second is
    none."""

    format: Format[Any]

    def bad(self, folder: Path) -> tuple[Path, int, str]:
        raise NotImplementedError

    def test_a_bad_row_costs_only_itself_and_is_named(self, tmp_path: Path) -> None:
        path, line, reason = self.bad(tmp_path)
        batches = list(self.format.read(self.format.whole(str(path))))
        assert sum(rows.columns.num_rows for rows in batches) == 2
        [reject] = [reject for rows in batches for reject in rows.rejects]
        assert (reject.file, reject.line, reject.reason) == (str(path), line, reason)
        assert not self.format.survey(str(path)).empty


class RepeatedNamesContract:
    """What formats promise whose files can name a column twice."""

    format: Format[Any]

    def named(self, folder: Path, *names: str) -> Path:
        raise NotImplementedError

    @pytest.mark.parametrize(
        ("names", "sentence"), [(("a", "b", "a"), "column `a` more than once"), (("a", ""), "no name for column 2")]
    )
    def test_refuses_columns_with_equal_names(self, names: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
        path = str(self.named(tmp_path, *names))
        for act in (self.format.columns, self.format.whole, self.format.survey):
            with pytest.raises(SluiceError, match=sentence):
                act(path)


class TestCsv(TableContract, BadRowsContract, RepeatedNamesContract):
    format = format_named("csv")
    suffix = ".csv"

    def cut(self, folder: Path) -> Path:
        raw = gzip.compress(self.write(folder).read_bytes())
        (folder / "cut.csv.gz").write_bytes(raw[: len(raw) // 2])
        return folder / "cut.csv.gz"

    def bad(self, folder: Path) -> tuple[Path, int, str]:
        return source_files.stored(folder / "bad.csv", "a,b\n1,2\n3\n5,6\n"), 3, "1 field instead of 2"

    def named(self, folder: Path, *names: str) -> Path:
        return source_files.stored(folder / "named.csv", f"{','.join(names)}\n{','.join('1' for _ in names)}\n")


class TestPackedCsv(TestCsv):
    suffix = ".csv.gz"


class TestParquet(TableContract, RepeatedNamesContract):
    format = format_named("parquet")
    suffix = ".parquet"

    def named(self, folder: Path, *names: str) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table([[1]] * len(names), names=list(names)), folder / "named.parquet")
        return folder / "named.parquet"

    def test_a_name_with_a_dot_beside_its_beginning_keeps_its_values(self, tmp_path: Path) -> None:
        path = str(self.of_rows(tmp_path / "rows.parquet", {"n": [None, None], "n.1": [1, 2], "l": [[1], [2]]}))
        assert self.format.survey(path).kinds == {"n": Kind.NONE, "n.1": Kind.INT, "l": Kind.INT}


class TestShortParquet(TestParquet):
    suffix = ".pq"


class TestJsonLines(TableContract, BadRowsContract):
    format = format_named("json_lines")
    suffix = ".jsonl"

    def cut(self, folder: Path) -> Path:
        raw = gzip.compress(self.write(folder).read_bytes())
        (folder / "cut.jsonl.gz").write_bytes(raw[: len(raw) // 2])
        return folder / "cut.jsonl.gz"

    def rowless(self, path: Path) -> Path:
        return source_files.stored(path, "\n \r\n")

    def bad(self, folder: Path) -> tuple[Path, int, str]:
        text = '{"a": 1}\n\n[2]\n{"a": 3}\n'
        return source_files.stored(folder / "bad.jsonl", text), 3, "is not a JSON object"


class TestPackedJsonLines(TestJsonLines):
    suffix = ".jsonl.gz"


class TestTfRecord(TableContract, BadRowsContract):
    format = format_named("tfrecord")
    suffix = ".tfrecord"
    kind_of_valueless = Kind.INT  # a feature has a type even where it has no value

    def rowless(self, path: Path) -> Path:
        return source_files.stored(path, gzip.compress(b""))

    def bad(self, folder: Path) -> tuple[Path, int, str]:
        good = source_files.write_tfrecord(folder / "good.tfrecord", {"a": [1]}).read_bytes()
        path = source_files.stored(folder / "bad.tfrecord", good + frame_records([b"\xff\xff"]) + good)
        return path, 2, "is not a tf.Example"

    @pytest.mark.parametrize(
        ("more", "why"),
        [(b"\x12\x00", "is a tf.SequenceExample: write"), (b"\x1a\x01x", "has a field that a tf.Example")],
    )
    def test_what_a_decoder_would_leave_out_is_a_reject(self, tmp_path: Path, more: bytes, why: str) -> None:
        example = next(tfrecord.read_records(str(source_files.write_tfrecord(tmp_path / "a.tfrecord", {"a": [1]}))))
        path = source_files.stored(
            tmp_path / f"b{self.suffix}", frame_records([example, example + more, example + b"\x0a\x00"])
        )
        [rows] = self.format.read(Part(str(path)))
        assert [(each.line, each.reason.startswith(why)) for each in rows.rejects] == [(2, True)]
        assert rows.columns.num_rows == 2


class TestPackedTfRecord(TestTfRecord):
    suffix = ".gz"

    def rowless(self, path: Path) -> Path:
        return source_files.stored(path, b"")


class TestIdx(FileContract):
    format = format_named("idx")
    columns = ("image", "label")

    def write(self, folder: Path) -> Path:
        return write_idx(folder, "train", sample_images(N), np.arange(N, dtype=np.uint8))


class TestImageFolder(SourceFormatContract):
    format = format_named("image_folder")
    columns = ("image", "label")

    def write(self, folder: Path) -> Path:
        write_classes(folder / "images", sample_images(N), ["boot", "coat"] * (N // 2))
        return folder / "images"


def test_every_format_of_the_list_is_held_to_the_contract() -> None:
    def below(contract: type) -> set[type]:
        return {contract} | {each for child in contract.__subclasses__() for each in below(child)}

    held = {each.format for each in below(SourceFormatContract) if hasattr(each, "format")}
    assert held == set(FORMATS)
    assert len({format_.name for format_ in FORMATS}) == len(FORMATS)
