"""A data set of the pipeline page: its files, and a hash of their content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.errors import SluiceError
from core.text import did_you_mean
from pipeline.config.paths import ROOT
from pipeline.config.workload import DataConfig, PredictionConfig, SplitConfig
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.preflight import check_source
from pipeline.ingest.source import Source, previous_source, resolve_source

SERVING, PREVIOUS = "serving", "previous"


@dataclass(frozen=True)
class Dataset:
    """Files to ingest. Where the machine that reads them finds them, `source` has the pattern alone and `fingerprint`
    is empty."""

    source: Source
    fingerprint: str = ""


@dataclass(frozen=True)
class Datasets:
    """The data of a run; the serving log and the span before are None when there are none."""

    current: Dataset
    serving_log: Dataset | None = None
    previous_span: Dataset | None = None


def datasets_here(data: DataConfig, split: SplitConfig, prediction: PredictionConfig) -> Datasets:
    """Find the files on this machine, look at their columns and hash them.

    Raises:
      SluiceError: for data that cannot be used, as far as that shows without reading every row.
    """
    current = resolve_source(data)
    previous = previous_source(data, current)
    log = _serving_log(data)
    served = resolve_source(log) if log else None
    columns = check_source(current, data, split)
    _check_withheld(columns, data, prediction)
    for source, only in ((previous, PREVIOUS), (served, SERVING)):
        if source:
            check_source(source, data, split, only)
    return Datasets(
        Dataset(current, fingerprint(current, data.image_path_column, split.test_files)),
        _dataset(served, data) if served else None,
        _dataset(previous, data) if previous else None,
    )


def _dataset(source: Source, data: DataConfig) -> Dataset:
    return Dataset(source, fingerprint(source, data.image_path_column))


def _check_withheld(columns: tuple[str, ...], data: DataConfig, prediction: PredictionConfig) -> None:
    """Refuses a misspelt name, which would withhold no column: one that is like a column of the data without being
    one."""
    for name in prediction.withheld_columns():
        if name in columns or name == data.label:
            continue
        if hint := did_you_mean(name, columns, cutoff=0.7):
            raise SluiceError(
                f"prediction withholds `{name}`, which is no column of {_named(data)}{hint}",
                "See what it means:  python runners/local_runner.py --explain prediction",
            )


def _named(data: DataConfig) -> str:
    return data.source if isinstance(data.source, str) else " or ".join(data.source)


def datasets_there(data: DataConfig) -> Datasets:
    """Datasets whose files the machine that runs the job will find."""
    log = _serving_log(data)
    return Datasets(_unresolved(data), _unresolved(log) if log else None)


def _serving_log(data: DataConfig) -> DataConfig | None:
    if data.serving_log is None:
        return None
    return data.model_copy(update={"source": data.serving_log, "format": "auto", "span": None})


def _not_of_this_machine(places: list[str]) -> tuple[str, ...]:
    """Of several places those that another machine may have: neither in this repository nor in this user's home."""
    own = (str(ROOT), str(Path.home()))
    return tuple(place for place in places if not place.startswith(own)) or tuple(places)


def _unresolved(data: DataConfig) -> Dataset:
    # Without files the format may still be `auto`: it is settled together with the files.
    pattern = data.source if isinstance(data.source, str) else _not_of_this_machine(data.source)
    return Dataset(Source((), data.format, data.span, None, pattern))
