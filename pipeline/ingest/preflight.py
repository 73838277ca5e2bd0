"""Quick checks of the data before TensorFlow is imported: names, headers, columns. The Ingest transform finds errors
that only a full reading shows."""

from __future__ import annotations

from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.given_splits import given_splits
from pipeline.ingest.image_plan import check_class_folders
from pipeline.ingest.plan import Wanted, check_columns
from pipeline.ingest.source import Source
from sources.formats import check_ignored, columns_of_all, format_named
from sources.joined import check_same_columns


def check_source(source: Source, data: DataConfig, split: SplitConfig, only: str | None = None) -> tuple[str, ...]:
    """The columns of the source; none when only a full reading tells them.

    Raises:
      SluiceError: when a quick check shows that it cannot be used.
    """
    wanted, format_ = Wanted(data, split, only), format_named(source.format, data.reading)
    columns: tuple[str, ...] = ()
    if only is None:
        given_splits(source.files, format_, split)
        check_ignored(format_, source.files)
    by_file = {path: format_.columns(path) for path in source.files}
    for path, here in by_file.items():
        if here is None:
            continue
        if not format_.leaves_out:
            if columns:
                check_same_columns(source.files[0], columns, path, here)
            check_columns(path, here, wanted)
        columns = columns or here
    if format_.by_class:
        check_class_folders(data, source.files, partial=only is not None)
    if not format_.leaves_out:
        return columns
    # A file may lack a column that another one has.
    of_all = columns_of_all(list(by_file.values()))
    if of_all is not None:
        check_columns(source.files[0], of_all, wanted)
    return of_all or ()
