"""The configuration of a workload's data: where rows come from, what is known when, how they are assigned to splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, model_validator

from core.strict import Strict, conflict
from pipeline.config.types import Share, Source, Text
from sources.csv_form import CsvForm
from sources.formats import NAMES
from sources.locate import AUTO
from sources.reading import Reading

if TYPE_CHECKING:
    SourceFormat = str
else:
    _KNOWN = (AUTO, *NAMES)
    SourceFormat = Literal[_KNOWN]


class DataConfig(Strict):
    """Where the rows come from and what their columns mean."""

    source: Source
    """A file, glob, folder or span pattern (`…/span-{SPAN}/version-{VERSION}/*.csv`); `package:PATH` is a file
    inside an installed Python package. Of a list of places the first that exists counts. The command line's
    `--data` replaces it."""
    fetch: list[Text] = []
    """Commands that bring the data here; they are shown when `source` lists places and none of them exists."""
    format: SourceFormat = AUTO
    """How the files are read (docs/sources.md lists the formats); `auto` goes by suffix, and takes a folder of folders
    of images for `image_folder`: one folder a class, directly in `source` or in its folders train, eval and test."""
    csv: CsvForm = CsvForm()
    """How CSV files are written, where they are not as the standard says."""
    ignore_columns: list[str] = []
    """Columns that are never read: no check sees them and no model learns from them. For what no tf.Example can hold
    (structs, maps, lists of lists, times of day, durations), and for what nobody needs."""
    image_path_column: str | None = None
    """The column of a table that holds paths of PNG or JPEG files, relative to the table's folder: the images
    are read in its place, as the column `image`."""
    share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """The share of the rows of each split that is used, chosen by a hash of the row: the same ones each time."""
    span: NonNegativeInt | None = None
    """Which span to read when `source` has `{SPAN}`; the newest when absent."""
    label: Text
    """The column that the model learns. It is never a feature."""
    label_expression: str | None = None
    """How to compute `label` from other columns when the data does not hold it, e.g. `tips > 0.2 * fare`
    (a pandas expression; a row with any of these columns missing has no label and counts as unusable)."""
    class_names: list[str] = []
    """What the label's integers 0, 1, 2, … are called in reports and findings, in that order; empty: the integers
    themselves. Images in folders by class need it: a folder is called as its class is, with `_` for a slash."""
    pixel_columns: list[Text] = []
    """Images that are stored as numbered columns, by what their columns are called without the number: `pixel` for
    `pixel1`, `pixel2`, … The gates judge such columns as one image; the model gets them as they stand."""
    column_types: dict[str, Literal["int", "float", "string"]] = {}
    """Types that override what is inferred from the files, by column."""
    entity_key: str | None = None
    """The column that identifies the entity of a row (customer, patient, vehicle); needed to split by entity."""
    time_column: str | None = None
    """The column with the time of a row (integer or float epoch, or text such as 2013-12-31T23:59:59, 31.12.2013 23:59
    or 12/31/2013); needed to split by time."""
    max_unusable_share: Share = 0.001
    """The run is refused when more than this share of rows cannot be parsed or has no label."""
    serving_log: str | None = None
    """Rows that an endpoint saw, in any of the formats of `source`; ExampleValidator compares them with train."""

    @property
    def reading(self) -> Reading:
        """What the reader of the files is given."""
        return Reading(csv=self.csv, ignore_columns=self.ignore_columns)


class SplitConfig(Strict):
    """How each row is assigned to train, eval or test, once and for good."""

    by: Literal["row", "entity", "time", "column"] = "row"
    """`row`: hash of the whole row without its label; `entity`: hash of `data.entity_key`; `time`: the past trains,
    the future tests, along `data.time_column`; `column`: a given column holds the names train, eval and test."""
    train: PositiveFloat = 0.8
    """Weight of the train split."""
    eval: PositiveFloat = 0.1
    """Weight of the eval split (early stopping and tuning)."""
    test: PositiveFloat = 0.1
    """Weight of the test split (seen by Evaluator and gates alone)."""
    gap: Annotated[float, Field(ge=0)] = 0.0
    """For `time`: rows less than this after the end of the split before are left out
    (units of the time column; seconds when it holds text)."""
    column: str | None = None
    """For `column`: which one."""
    salt: str = ""
    """Changes which rows go where under `row` and `entity`, without any randomness."""
    test_files: Text | None = None
    """For `row` and `entity`: a glob on file names, e.g. `t10k-*`. The rows of these files are the test split, and
    all others are assigned to train and eval by their weights. Of a folder of images by class the sub-folder's name
    counts, and its sub-folders train, eval and test are always the splits of these names."""

    @model_validator(mode="after")
    def _column_goes_with_by_column(self) -> SplitConfig:
        if self.by == "column" and self.column is None:
            raise conflict("`split.by: column` needs `split.column`", "by")
        if self.by != "column" and self.column is not None:
            raise conflict(f"`split.column` goes with `split.by: column`, and `split.by` is {self.by}", "column")
        if self.by != "time" and self.gap > 0:
            raise conflict(f"`split.gap` goes with `split.by: time`, and `split.by` is {self.by}", "gap")
        if self.by in ("time", "column") and self.test_files is not None:
            raise conflict(
                f"`split.test_files` says which rows are test, and `split.by: {self.by}` says so too; remove one",
                "test_files",
            )
        return self
