"""Records that are no tf.Examples are refused with what they are; nothing of them is dropped without a word."""

from pathlib import Path

import pytest

from core.errors import SluiceError
from sources.example_fields import features_in
from sources.formats import check_ignored
from sources.joined import joined_kinds
from sources.kinds import Kind
from sources.reading import Reading
from sources.tfrecord import TfRecord, frame_records, read_records

EMPTY_EXAMPLE, FEATURE_LISTS, UNKNOWN = b"\x0a\x00", b"\x12\x00", b"\x1a\x00"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (EMPTY_EXAMPLE + FEATURE_LISTS, "is a tf.SequenceExample"),
        (FEATURE_LISTS + EMPTY_EXAMPLE, "is a tf.SequenceExample"),
        (EMPTY_EXAMPLE + UNKNOWN, "has a field that a tf.Example does not have"),
        (b"no record", "is not a tf.Example"),
    ],
)
def test_a_file_without_any_tf_example_is_refused_with_what_it_holds(
    record: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.tfrecord"
    path.write_bytes(frame_records([record] * 3))
    with pytest.raises(SluiceError, match=f"no record of .* can be used: record 1 {reason}"):
        joined_kinds([TfRecord().survey(str(path))], TfRecord())


def field(number: int, body: bytes) -> bytes:
    """A field of bytes or of a message, of less than 128 bytes."""
    return bytes([number << 3 | 2, len(body)]) + body


def entry(name: str, feature: bytes, more: bytes = b"") -> bytes:
    return field(1, field(1, name.encode()) + field(2, feature) + more)


def example(*entries: bytes) -> bytes:
    return field(1, b"".join(entries))


NUMBER, TEXT = field(3, field(1, b"\x07")), field(1, field(1, b"seven"))
LABEL, A_FIELD = entry("label", NUMBER), field(9, b"new")


def write(folder: Path, *records: bytes) -> str:
    path = folder / "rows.tfrecord"
    path.write_bytes(frame_records(list(records)))
    return str(path)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (example(LABEL, A_FIELD), "an unknown field beside its features"),
        (example(LABEL, entry("x", NUMBER + A_FIELD)), "an unknown field in the feature `x`"),
        (example(LABEL, entry("x", A_FIELD)), "an unknown field in the feature `x`"),
        (example(LABEL, entry("x", NUMBER, A_FIELD)), "an unknown field in the feature `x`"),
        (example(LABEL, entry("x", NUMBER), entry("x", NUMBER)), "names the feature `x` more than once"),
        (example(LABEL, entry("x", NUMBER + TEXT)), "holds text and whole numbers in the feature `x`"),
    ],
)
def test_nothing_inside_an_example_is_dropped_in_silence(record: bytes, reason: str, tmp_path: Path) -> None:
    whole = example(LABEL, entry("x", NUMBER))
    path = write(tmp_path, whole, record, whole)
    rows = next(TfRecord().read(TfRecord().whole(path)))
    assert [(each.line, reason in each.reason) for each in rows.rejects] == [(2, True)]
    assert rows.columns.num_rows == 2
    if "`x`" in reason:
        without = TfRecord(Reading(ignore_columns=["x"]))
        (rows,) = without.read(without.whole(path))
        assert (rows.columns.num_rows, rows.columns.schema.names, rows.rejects) == (3, ["label"], [])


def test_a_feature_of_two_types_is_named_with_the_key_that_leaves_it_out(tmp_path: Path) -> None:
    path = write(tmp_path, example(LABEL, entry("x", TEXT)), example(LABEL), example(LABEL, entry("x", NUMBER)))
    with pytest.raises(SluiceError, match="record 3: `x` holds whole numbers, and text in record 1") as refused:
        TfRecord().survey(path)
    assert """--set 'data.ignore_columns=["x"]'""" in refused.value.next_command
    without = TfRecord(Reading(ignore_columns=["x"]))
    check_ignored(without, [path])
    assert without.columns(path) == ("label",)
    assert without.survey(path).kinds == {"label": Kind.INT}


def test_a_feature_without_a_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, example(LABEL, entry("", NUMBER)))
    for act in (TfRecord().columns, TfRecord().survey):
        with pytest.raises(SluiceError, match="has no name for column 1"):
            act(path)


def test_what_is_written_otherwise_and_holds_the_same_is_read(tmp_path: Path) -> None:
    """Numbers one by one instead of packed, Features in two pieces, a feature without a value, one without a kind."""
    unpacked = field(3, b"\x08\x07")
    records = [
        example(LABEL, entry("x", unpacked)),
        example(LABEL) + example(entry("x", NUMBER)),
        example(LABEL, entry("x", field(3, b""))),
        example(LABEL, entry("x", b"")),
    ]
    (rows,) = TfRecord().read(TfRecord().whole(write(tmp_path, *records)))
    assert not rows.rejects
    assert rows.columns.column(rows.columns.schema.get_field_index("x")).to_pylist() == [[7], [7], [], None]


def test_features_are_counted_over_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.example_fields._AT_ONCE", 20)
    path = write(tmp_path, *[example(LABEL, entry("x", NUMBER))] * 5)
    assert features_in(list(read_records(path))) == 10


def test_empty_features_do_not_lead_to_the_records_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TFX writes an empty cell as a feature without a kind, and a table has millions."""
    monkeypatch.setattr("sources.tfrecord._decode_one_by_one", None)
    path = write(tmp_path, example(LABEL, entry("x", NUMBER)), example(LABEL, entry("x", b"")))
    (rows,) = TfRecord().read(TfRecord().whole(path))
    assert rows.columns.column(rows.columns.schema.get_field_index("x")).to_pylist() == [[7], None]
