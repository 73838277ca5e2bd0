"""A data set of the pipeline page: its files, and a hash of their content."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import SluiceError
from core.text import did_you_mean
from pipeline.config.paths import ROOT
from pipeline.config.workload import DataConfig, PredictionConfig, SplitConfig
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.preflight import check_source
from pipeline.ingest.source import PREVIOUS as PREVIOUS
from pipeline.ingest.source import SERVING as SERVING
from pipeline.ingest.source import Source, exists, has_spans, previous_source, resolve_source
from sources.joined import columns_in_words
from sources.storage import is_remote


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


def datasets_here(
    data: DataConfig, split: SplitConfig, prediction: PredictionConfig, slices: Sequence[Sequence[str]] = ()
) -> Datasets:
    """Find the files on this machine, look at their columns and hash them. `slices`: as `evaluator.slices`.

    Raises:
      SluiceError: for data that cannot be used, as far as that shows without reading every row.
    """
    current = resolve_source(data)
    previous = previous_source(data, current)
    log = _serving_log(data)
    served = resolve_source(log) if log else None
    columns = check_source(current, data, split)
    check_withheld([*columns, *data.ignore_columns], data.label, prediction, _named(data))
    _check_slices(columns, data.label, slices, _named(data))
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


def check_withheld(columns: Sequence[str], label: str, prediction: PredictionConfig, where: str) -> None:
    """Refuse a misspelt name, which would withhold no column: one that is like one of the `columns` of `where` without
    being one.

    Raises:
      SluiceError: with the name, and the column that it is like.
    """
    for name in prediction.withheld_columns():
        if name in columns or name == label:
            continue
        if hint := did_you_mean(name, columns, cutoff=0.7):
            raise SluiceError(
                f"prediction withholds `{name}`, which is no column of {where}{hint}",
                "See what it means:  python runners/local_runner.py --explain prediction",
            )


def _check_slices(columns: Sequence[str], label: str, slices: Sequence[Sequence[str]], where: str) -> None:
    """Refuses a slice by a column that is not there, where a look at the file shows all columns."""
    for name in (name for each in slices for name in each):
        if columns and name not in (*columns, label):
            hint = did_you_mean(name, columns, f"; it has {columns_in_words(columns)}.")
            raise SluiceError(
                f"evaluator.slices names `{name}`, which is no column of {where}{hint}",
                "See what it means:  python runners/local_runner.py --explain evaluator.slices",
            )


def _named(data: DataConfig) -> str:
    return data.source if isinstance(data.source, str) else " or ".join(data.source)


def datasets_there(data: DataConfig) -> Datasets:
    """Datasets whose files the machine that runs the job will find, the newest span when it runs."""
    log = _serving_log(data)
    previous = _unresolved(data) if any(has_spans(place) for place in _places(data)) else None
    return Datasets(_unresolved(data), _unresolved(log) if log else None, previous)


def datasets_as_seen(
    data: DataConfig,
    split: SplitConfig,
    prediction: PredictionConfig,
    network: bool,
    slices: Sequence[Sequence[str]] = (),
) -> Datasets:
    """Datasets for a job that another machine runs, looked at from here where that is possible: columns are checked and
    contents hashed. Where it is not, as in a bucket without `network`, they are those of `datasets_there`.

    Raises:
      SluiceError: for data that cannot be used, as far as that shows without reading every row.
    """
    places = not_of_this_machine(_places(data)) or tuple(_places(data))
    # Of several places the other machine may have another one than this.
    if len(places) > 1 or not _can_be_read(places[0], network):
        return datasets_there(data)
    elsewhere = data.model_copy(update={"source": places[0]})
    log = _serving_log(data)
    read_log = log is not None and _can_be_read(str(log.source), network)
    found = datasets_here(
        elsewhere if read_log else elsewhere.model_copy(update={"serving_log": None}), split, prediction, slices
    )
    previous = found.previous_span
    if found.serving_log is not None and log is not None:
        served: Dataset | None = _as_found_there(found.serving_log, log)
    else:
        served = _unresolved(log) if log else None
    return Datasets(_as_found_there(found.current, data), served, previous and _as_found_there(previous, data))


def _places(data: DataConfig) -> list[str]:
    return [data.source] if isinstance(data.source, str) else data.source


def _can_be_read(place: str, network: bool) -> bool:
    return network if is_remote(place) else exists(place)


def _as_found_there(dataset: Dataset, data: DataConfig) -> Dataset:
    """Files in a bucket are the same from everywhere; others have another path there, and the same content."""
    if all(is_remote(path) for path in dataset.source.files):
        return dataset
    return dataclasses.replace(_unresolved(data), fingerprint=dataset.fingerprint)


def _serving_log(data: DataConfig) -> DataConfig | None:
    if data.serving_log is None:
        return None
    return data.model_copy(update={"source": data.serving_log, "format": "auto", "span": None})


def not_of_this_machine(places: list[str]) -> tuple[str, ...]:
    """Of several places those that another machine may have: neither in this repository nor in this user's home."""
    own = (f"{ROOT}/", f"{Path.home()}/")
    return tuple(place for place in places if not place.startswith(own))


def _unresolved(data: DataConfig) -> Dataset:
    # Without files the format may still be `auto`: it is settled together with the files.
    pattern = data.source if isinstance(data.source, str) else not_of_this_machine(data.source) or tuple(data.source)
    return Dataset(Source((), data.format, data.span, None, pattern))
