"""One ingest from beginning to end: the Beam pipeline, its summary, the verdict. A refused run leaves no examples,
only the rows that it refused, beside the folder that it was given."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from core.errors import SluiceError
from pipeline.ingest.outcome import check_outcome, rejects_beside
from pipeline.ingest.plan import Wanted
from pipeline.ingest.shards import WORK_FOLDER, ensure_folder, write_whole
from pipeline.ingest.source import Source
from pipeline.ingest.transform import SUMMARY_FILE, Ingest
from sources.rejects import UNUSABLE_FILE
from sources.storage import is_remote


@dataclass(frozen=True)
class Ingested:
    """The facts of a successful ingest."""

    rows: dict[str, int]
    columns: int
    kinds: dict[str, int]
    left_out: int
    not_shared: int
    unusable: int
    unusable_file: str | None
    images: dict[str, list[int]]  # column → height, width, channels
    class_names: list[str]  # of a label that came in words, by the integers that stand for them
    notes: list[str]  # on how columns were read


def ingest(
    make_pipeline: Callable[[], beam.Pipeline],
    source: Source,
    wanted: Wanted,
    uri: str,
    still_valid: Callable[[], None] = lambda: None,
) -> Ingested:
    """Writes `Split-<name>` folders under `uri`, whole or not at all. `still_valid` is called after the last row was
    read, and raises when the rows may not be used."""
    # Left by a run whose metadata is gone: its rows must not mix with these.
    _remove([f"{uri}/{name}" for name in (WORK_FOLDER, *(f"Split-{split}" for split in wanted.split_names))])
    try:
        for folder in (WORK_FOLDER, *(f"Split-{name}" for name in wanted.split_names)):
            ensure_folder(f"{uri}/{folder}")
        with make_pipeline() as pipeline:
            pipeline | "Ingest" >> Ingest(source.files, source.format, wanted, uri)
        summary = json.loads(_read(f"{uri}/{WORK_FOLDER}/{SUMMARY_FILE}"))
        still_valid()
        unusable_file = _judge(summary, wanted, uri)
    except BaseException:
        _remove([f"{uri}/{name}" for name in (WORK_FOLDER, *(f"Split-{split}" for split in wanted.split_names))])
        raise
    _remove([f"{uri}/{WORK_FOLDER}"])
    kept = ("rows", "columns", "kinds", "left_out", "not_shared", "unusable", "images", "class_names", "notes")
    return Ingested(**{name: summary[name] for name in kept}, unusable_file=unusable_file)


def _judge(summary: dict[str, Any], wanted: Wanted, uri: str) -> str | None:
    """The file of the unusable rows, if there are any: with the examples, or beside them when they are refused."""
    parts = summary["rejects_files"]
    rejects = b"".join(_read(part) for part in parts)  # bounded: each part keeps so many only
    try:
        check_outcome(summary, wanted, rejects_beside(uri) if parts else None)
    except SluiceError:
        if parts:
            write_whole(rejects_beside(uri), rejects)
        raise
    if not parts:
        return None
    write_whole(f"{uri}/{UNUSABLE_FILE}", rejects)
    return f"{uri}/{UNUSABLE_FILE}"


def _read(path: str) -> bytes:
    with FileSystems.open(path) as file:
        content: bytes = file.read()
    return content


def _remove(folders: list[str]) -> None:
    for folder in folders:
        if is_remote(folder):  # no folders there: Beam takes the slash for "all below"
            FileSystems.delete([f"{folder}/"])
        elif FileSystems.exists(folder):
            FileSystems.delete([folder])
