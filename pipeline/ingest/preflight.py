"""What can be said about the data in a moment, before TensorFlow is imported: names, headers, columns. What only a
full reading shows is found by the Ingest transform."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from core.errors import SluiceError
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.given_splits import given_splits
from pipeline.ingest.image_plan import check_class_folders
from pipeline.ingest.plan import Wanted, check_columns, check_same_columns
from pipeline.ingest.source import Source
from sources import class_folders, csv, idx, parquet
from sources.idx_names import labels_of
from sources.images import IMAGE, LABEL
from sources.storage import file_size, is_gzip, open_content, plain_read_errors
from sources.tfrecord import read_records

_UNPACKED_AT_ONCE = 16 << 20  # gzip files up to this size are unpacked to see whether they are whole
_RECORDS_SEEN = 1000


def check_source(source: Source, data: DataConfig, split: SplitConfig, only: str | None = None) -> tuple[str, ...]:
    """The columns of the source, or one sentence that says why it cannot be used."""
    wanted = Wanted(data, split, only)
    columns: tuple[str, ...] = ()
    if only is None:
        given_splits(source.files, source.format, split)
    for path in source.files:
        here = _COLUMNS[source.format](path)
        if here is None:
            continue
        if columns and source.format != "tfrecord":
            check_same_columns(source.files[0], columns, path, here)
        check_columns(path, here, wanted)
        columns = columns or here
    if source.format == "image_folder":
        check_class_folders(data, source.files, partial=only is not None)
    return columns


def _check_file(path: str) -> None:
    with plain_read_errors(path):
        size = file_size(path)
        if not size:
            raise SluiceError(f"{path} is empty.", f"Look:  ls -l {path}")
        if size <= _UNPACKED_AT_ONCE and is_gzip(path):
            with open_content(path) as content:
                while content.read(1 << 20):
                    pass


def _csv_columns(path: str) -> tuple[str, ...]:
    _check_file(path)
    whole = csv.read_header(path)
    with plain_read_errors(path), open_content(path) as content:
        content.read(whole.offset)
        while piece := content.read(1 << 16):
            if piece.strip():
                return whole.columns
    raise SluiceError(f"{path} has a header but no rows.", f"Look:  head {path}")


def _parquet_columns(path: str) -> tuple[str, ...]:
    _check_file(path)
    return parquet.parquet_columns(path)


def _tfrecord_columns(path: str) -> tuple[str, ...] | None:
    """None when more records would have to be read to know that a feature is absent."""
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    _check_file(path)
    records = list(islice(read_records(path), _RECORDS_SEEN))
    if not records:
        raise SluiceError(f"{path} holds no rows.", f"Look:  ls -l {path}")
    if len(records) == _RECORDS_SEEN:
        return None
    try:
        return tuple(ExamplesToRecordBatchDecoder().DecodeBatch(records).schema.names)
    except RuntimeError:
        return None


def _idx_columns(path: str) -> tuple[str, ...]:
    _check_file(path)
    _check_file(labels_of(path))
    idx.check_pair(path)
    return IMAGE, LABEL


def _folder_columns(path: str) -> tuple[str, ...]:
    class_folders.image_names(path)
    return IMAGE, LABEL


_COLUMNS: dict[str, Callable[[str], tuple[str, ...] | None]] = {
    "csv": _csv_columns,
    "parquet": _parquet_columns,
    "tfrecord": _tfrecord_columns,
    "idx": _idx_columns,
    "image_folder": _folder_columns,
}
