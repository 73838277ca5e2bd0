"""JSON Lines as it is met: each value keeps the type that JSON gives it, and a bad line costs only itself."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import SluiceError
from sources import json_lines, text_files
from sources.joined import joined_kinds
from sources.json_lines import JsonLines
from sources.kinds import Kind


def stored(folder: Path, content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    (folder / "rows.jsonl").write_bytes(raw)
    return str(folder / "rows.jsonl")


def read(path: str) -> tuple[list[dict[str, Any]], list[int], list[tuple[int, str]]]:
    """Rows without what is missing, their lines, and the rejects."""
    rows, lines, rejects = [], [], []
    for batch in JsonLines().read(JsonLines().whole(path)):
        rows += [{k: v for k, v in row.items() if v is not None} for row in batch.columns.to_pylist()]
        lines += batch.lines.tolist()
        rejects += [(reject.line, reject.reason) for reject in batch.rejects]
    return rows, lines, rejects


@pytest.mark.parametrize("block", [7, 40, 1 << 20])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blank_lines_unicode_and_a_byte_order_mark_in_any_block_size(block, packed, newline, tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", block)
    text = newline.join(['\ufeff{"größe": "ß漢", "n": 1}', "", "  ", '{"n": 2.5}', "{}", '{"größe": null, "n": 3}'])
    path = stored(tmp_path, gzip.compress(text.encode()) if packed else text)
    assert read(path) == ([{"größe": "ß漢", "n": 1}, {"n": 2.5}, {}, {"n": 3}], [1, 4, 5, 6], [])
    assert JsonLines().survey(path).kinds == {"größe": Kind.BYTES, "n": Kind.FLOAT}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", "null"], Kind.INT),
        (["true", "false"], Kind.INT),
        (["true", "2"], Kind.INT),
        (["1", "2.5"], Kind.FLOAT),
        (["1.0", "2.0"], Kind.FLOAT),
        (["18446744073709551615", "1"], Kind.FLOAT),
        (["NaN", "1"], Kind.FLOAT),
        (['"2020-01-31"', '"2020-02-01T12:00:00Z"'], Kind.BYTES),
        (['"02134"', '"1"'], Kind.BYTES),
        (['""'], Kind.BYTES),
        (["[1, 2]", "[]", "null"], Kind.INT),
        (['["a"]', '["2020-01-31"]'], Kind.BYTES),
        (["null", "null"], Kind.NONE),
        (["[]", "[]"], Kind.NONE),
    ],
)
@pytest.mark.parametrize("block", [1, 1 << 20])
def test_a_value_is_what_json_says(values, kind, block, tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", block)
    path = stored(tmp_path, "".join(f'{{"a": {value}}}\n' for value in values))
    assert JsonLines().survey(path).kinds == {"a": kind}


def test_text_that_looks_like_a_time_stays_text(tmp_path):
    path = stored(tmp_path, '{"n": 1, "t": "2020-01-31", "l": ["2020-01-31 10:00"]}\n')
    assert read(path)[0] == [{"n": 1, "t": "2020-01-31", "l": ["2020-01-31 10:00"]}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (b"7", "is not a JSON object"),
        (b'{"a": 1} {"a": 2}', "cannot be read as JSON: Extra data"),
        (b'{"a": 1} null', "cannot be read as JSON: Extra data"),
        (b'{"a": 1', "cannot be read as JSON: Expecting ',' delimiter"),
        (b'{"a": 01}', "cannot be read as JSON: Expecting ',' delimiter"),
        (b"{'a': 1}", "cannot be read as JSON: Expecting property name enclosed in double quotes"),
        (b'{"a": 1, "a": 2}', "names `a` more than once"),
        (b'{"a": "\xff"}', "is not UTF-8 text"),
        (b'{"a": "\\ud800"}', "holds half a character (a lone surrogate)"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "cannot be read as JSON: maximum recursion depth exceeded"),
    ],
)
def test_a_bad_line_costs_only_itself(line, reason, tmp_path):
    rows, lines, rejects = read(stored(tmp_path, b'{"b": 1}\n' + line + b'\n{"b": 2}\n'))
    assert (rows, lines) == ([{"b": 1}, {"b": 2}], [1, 3])
    [(number, message)] = rejects
    assert number == 2
    assert message.startswith(reason)


def test_a_file_of_bad_lines_alone_is_not_empty(tmp_path):
    assert not JsonLines().survey(stored(tmp_path, "null\nnull\n")).empty


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": {"b": 1}}\n', "column `a` has the type struct<b: int64>, which a tf.Example cannot hold"),
        ('{"a": [{"b": 1}]}\n', "column `a` has the type list<item: struct<b: int64>>, which a tf.Example cannot hold"),
        ('{"a": [[1], [2]]}\n', "column `a` has the type list<item: list<item: int64>>"),
        ('{"a": 1}\n{"a": "x"}\n', "line 2: `a` holds text, and a number in the lines before it"),
        ('{"a": 1}\n{"a": null}\n{"a": [1]}\n', "line 3: `a` holds a list, and a number in the lines before it"),
        ('{"a": [1, "x"]}\n', "`a` holds values that do not go into one column"),
        ('{"": 1}\n', "no name for column 1"),
    ],
)
def test_refuses_what_makes_no_column_in_one_sentence(text, sentence, tmp_path):
    with pytest.raises(SluiceError) as refused:
        JsonLines().survey(stored(tmp_path, text))
    assert sentence in refused.value.headline
    assert "\n" not in refused.value.headline


@pytest.mark.parametrize("other", ['"x"', "[1]", '{"b": 1}'])
def test_refuses_a_column_of_several_types_across_blocks(other, tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 8)
    path = stored(tmp_path, f'{{"a": 1}}\n{{"a": {other}}}\n')
    with pytest.raises(SluiceError, match="`a` is of different types in different lines"):
        JsonLines().survey(path)


def test_columns_are_those_of_the_first_lines_only_when_these_are_all(tmp_path):
    path = stored(tmp_path, '{"a": 1}\n{"b": 2}\n')
    assert JsonLines().columns(path) == ("a", "b")
    assert JsonLines().columns(stored(tmp_path, '{"a": 1}\n' * 1000)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "ü"]), JSON, max_size=3), min_size=1, max_size=6)


def answer(path: str) -> Any:
    try:
        kinds = JsonLines().survey(path).kinds
    except SluiceError as refused:
        assert "\n" not in refused.headline
        return "refused"
    return kinds, [str(part) for part in read(path)]


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(OBJECTS)
def test_arrow_and_the_slow_reading_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows) -> None:
    path = stored(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))
    by_arrow = answer(path)
    with monkeypatch.context() as patched:
        patched.setattr(json_lines, "_by_arrow", lambda raw, lines: None)
        assert answer(path) == by_arrow


@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from([b'{"a":', b"}", b"[", b"]", b"null", b"1", b'"x"', b"{}", b"\n", b",", b" ", b"\xff"]))
)
def test_any_bytes_get_rows_or_one_sentence(tmp_path: Path, pieces: list[bytes]) -> None:
    answer(stored(tmp_path, b"".join(pieces)))


def test_many_lists_beside_one_another_are_not_taken_for_deep_ones(tmp_path):
    row = {f"c{i}": [i] for i in range(200)}
    path = stored(tmp_path, json.dumps(row) + "\n")
    [batch] = JsonLines().read(JsonLines().whole(path))
    assert batch.columns.schema.field("c7").type == pa.list_(pa.int64())


def test_a_file_without_any_usable_line_is_refused_with_what_is_wrong_with_the_first(tmp_path):
    path = stored(tmp_path, '{"a": 1}\n'.encode("utf-16"))
    assert JsonLines().columns(path) is None
    with pytest.raises(SluiceError, match=r"no line of .* can be used: line 1 is not UTF-8 text"):
        joined_kinds([JsonLines().survey(path)], JsonLines())
