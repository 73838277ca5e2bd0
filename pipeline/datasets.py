"""A data set as the pipeline page passes it on: which files, and a hash of what is in them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from core.errors import SluiceError
from pipeline.config.paths import ROOT
from pipeline.config.workload import DataConfig, PredictionConfig, SplitConfig
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.preflight import check_source
from pipeline.ingest.source import Source, previous_source, resolve_source

SERVING, PREVIOUS = "serving", "previous"


@dataclass(frozen=True)
class Dataset:
    """Files to ingest. Where finding them is left to the machine that reads them, `source` has the pattern alone and
    `fingerprint` is empty."""

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
      SluiceError: for data that cannot be used, as far as that is seen without reading every row.
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
    """A misspelt name would withhold nothing and let the column through; a name that is near one of the data's
    columns, and not itself among them, is taken for misspelt."""
    for name in prediction.withheld_columns():
        if name in columns or name == data.label:
            continue
        if near := difflib.get_close_matches(name, columns, n=1, cutoff=0.7):
            raise SluiceError(
                f"prediction withholds `{name}`, which is no column of {_named(data)}; did you mean `{near[0]}`?",
                "See what it means:  python runners/local_runner.py --explain prediction",
            )


def _named(data: DataConfig) -> str:
    return data.source if isinstance(data.source, str) else " or ".join(data.source)


def datasets_there(data: DataConfig) -> Datasets:
    """Leave finding the files to the machine on which the job will run."""
    log = _serving_log(data)
    return Datasets(_unresolved(data), _unresolved(log) if log else None)


def _serving_log(data: DataConfig) -> DataConfig | None:
    if data.serving_log is None:
        return None
    return data.model_copy(update={"source": data.serving_log, "format": "auto", "span": None})


def _not_of_this_machine(places: list[str]) -> tuple[str, ...]:
    """Of several places those that another machine may have, too: not in this repository, nor in this user's home."""
    own = (str(ROOT), str(Path.home()))
    return tuple(place for place in places if not place.startswith(own)) or tuple(places)


def _unresolved(data: DataConfig) -> Dataset:
    # Without files the format may still be `auto`: it is settled together with the files.
    pattern = data.source if isinstance(data.source, str) else _not_of_this_machine(data.source)
    return Dataset(Source((), data.format, data.span, None, pattern))
