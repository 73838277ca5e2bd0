"""A data set as the pipeline page passes it on: which files, and a hash of what is in them."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.config import DataConfig
from pipeline.ingest.source import Source, fingerprint, previous_source, resolve_source


@dataclass(frozen=True)
class Dataset:
    """Files to ingest. `fingerprint` is empty when it is to be computed where the data is read (in the cloud)."""

    source: Source
    fingerprint: str = ""


@dataclass(frozen=True)
class Datasets:
    """The data of a run; the serving log and the span before are None when there are none."""

    current: Dataset
    serving_log: Dataset | None = None
    previous_span: Dataset | None = None


def datasets_here(data: DataConfig) -> Datasets:
    """Find the files on this machine and hash them. Raises SluiceError for data that cannot be read."""
    current = resolve_source(data)
    previous = previous_source(data, current)
    log = resolve_source(_serving_log(data)) if data.serving_log else None
    return Datasets(_hashed(current), _hashed(log) if log else None, _hashed(previous) if previous else None)


def datasets_there(data: DataConfig) -> Datasets:
    """Leave finding the files to the component that reads them: for a job that runs on another machine."""
    log = _unresolved(_serving_log(data)) if data.serving_log else None
    return Datasets(_unresolved(data), log)


def _serving_log(data: DataConfig) -> DataConfig:
    return data.model_copy(update={"source": data.serving_log, "format": "auto", "span": None})


def _hashed(source: Source) -> Dataset:
    return Dataset(source, fingerprint(source))


def _unresolved(data: DataConfig) -> Dataset:
    return Dataset(Source(files=(), format=data.format, span=data.span, version=None, pattern=data.source))
