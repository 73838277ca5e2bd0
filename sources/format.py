"""What every source format promises. A format is one class in a module of its own and one line in `formats.py`.

Neither this module nor one that holds a format imports numpy or Arrow at its top: a configuration is checked, and a
source is found, without them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from core.errors import SluiceError
from sources.reading import AS_USUAL, Reading
from sources.rows import Rows as Rows
from sources.storage import file_size, is_gzip, open_content, plain_read_errors

if TYPE_CHECKING:
    import pyarrow as pa

    from sources.column_kinds import ColumnKinds
    from sources.images import ImageShape
    from sources.kinds import Kind
    from sources.rejects import Reject
    from sources.why_text import WhyText

BATCH_ROWS = 40_000
BATCH_CELLS = 8_000_000  # a batch of more than 200 columns has fewer rows
PART_BYTES = 64 << 20  # what one worker takes at a time
_UNPACKED_AT_ONCE = 16 << 20  # gzip files up to this size are unpacked to see whether they are whole


@dataclass(frozen=True)
class Part:
    """What one worker reads at a time: a file, or a stretch of one that can be entered by itself."""

    path: str


AnyPart = TypeVar("AnyPart", bound=Part)


@dataclass
class FileSurvey:
    """What one file holds: the kind of each column, and the parts in which it can be read. `whole`: those of the
    columns asked for that are float and have whole numbers only. `shape`: of the images, where the file says so.
    `why_text`: what makes text of columns that are numbers otherwise."""

    path: str
    kinds: dict[str, Kind]
    parts: Sequence[Part]
    empty: bool
    whole: frozenset[str] = frozenset()
    shape: ImageShape | None = None
    why_text: dict[str, WhyText] = field(default_factory=dict)
    first_reject: Reject | None = None


class Format(ABC, Generic[AnyPart]):
    """How files of one format are recognised and read.

    Example:
      >>> format_ = format_named("csv")
      >>> for part in format_.survey("rides.csv").parts:
      ...     for rows in format_.read(part, only=["fare"]):
      ...         print(rows.columns.to_pylist())
      [{'fare': '5.25'}, {'fare': None}]
    """

    name: ClassVar[str]  # the value of data.format
    title: ClassVar[str]  # what a sentence calls it
    suffixes: ClassVar[tuple[str, ...]]  # in lower case; what ends so is of this format
    row: ClassVar[str] = "row"  # what the number of a reject counts
    no_rows: ClassVar[str] = "holds no rows"  # the message on a file without rows
    from_text: ClassVar[bool] = False  # the kinds are read out of text, so that a hint can make text of numbers
    leaves_out: ClassVar[bool] = False  # a row, and so a file, may leave a column out that others have
    mixes_numbers: ClassVar[bool] = True  # whole and decimal numbers may stand in one column
    fixed_columns: ClassVar[bool] = False  # it is of images and labels, and none can be left out
    by_class: ClassVar[bool] = False  # its units are folders of images, one a class, and its rows name image files

    def __init__(self, reading: Reading = AS_USUAL) -> None:
        self.reading = reading

    def matches(self, path: str) -> bool:
        """Whether a path is of this format, by its name; for a format of folders, by what lies in the folder."""
        return path.lower().endswith(self.suffixes)

    def select(self, found: list[str]) -> list[str]:
        """What is read one by one, of the files found; for a format of folders, of the folder named.

        Raises:
          SluiceError: when they do not belong together.
        """
        return found

    def stored(self, path: str) -> list[str]:
        """The files in which the rows of `path` lie."""
        return [path]

    @abstractmethod
    def columns(self, path: str) -> tuple[str, ...] | None:
        """The columns, by a look at the beginning or the end of a file; None when only the whole of it can tell.

        Raises:
          SluiceError: when the file is missing, empty, cut short, of another format or without rows, so far as that
            can be seen in a moment.
        """

    @abstractmethod
    def whole(self, path: str) -> AnyPart:
        """The file as one part.

        Raises:
          SluiceError: when its columns cannot be told apart, or its beginning cannot be read.
        """

    def survey(self, path: str, ints: frozenset[str] = frozenset(), names_images: bool = False) -> FileSurvey:
        """Reads a file once, without keeping it. `ints`: columns to look at more closely, as they may be ints;
        `names_images`: its rows are small and their images large, so parts are to be small, where there can be many.

        Raises:
          SluiceError: when the file cannot be read, or a column holds what no tf.Example can hold.
        """
        from sources.column_kinds import ColumnKinds

        part = self.whole(path)
        kinds = ColumnKinds(path, self.row, self.mixes_numbers, ints)
        for rows in self.read(part):
            kinds.add(rows)
        return self._surveyed(kinds, [part])

    def _surveyed(self, kinds: ColumnKinds, parts: Sequence[Part]) -> FileSurvey:
        """The survey of a file all of whose rows were added to `kinds`."""
        return FileSurvey(
            kinds.path,
            kinds.held(self.reading),
            parts,
            kinds.empty,
            kinds.whole,
            why_text=kinds.why_text,
            first_reject=kinds.first_reject,
        )

    @abstractmethod
    def read(self, part: AnyPart, only: list[str] | None = None) -> Iterator[Rows]:
        """The rows of a part in bounded batches, typed or as text. `only`: the columns that are wanted, of those that
        the rows have. Rows that cannot be read come as rejects.

        Raises:
          SluiceError: when the file is damaged.
        """

    def arrange(self, parts: Iterable[AnyPart]) -> list[AnyPart]:
        """The parts of all files of a source, in the order in which they are read."""
        return list(parts)


def batch_rows(columns: int) -> int:
    """The rows of a batch of a table with so many columns."""
    return max(1, min(BATCH_ROWS, BATCH_CELLS // max(columns, 1)))


def chosen(columns: pa.RecordBatch, only: list[str] | None, reading: Reading = AS_USUAL) -> pa.RecordBatch:
    """The columns that are wanted, of those that are there."""
    import pyarrow as pa

    if only is None:
        if not set(reading.ignore_columns).intersection(columns.schema.names):
            return columns
        only = reading.kept(columns.schema.names)
    names = [name for name in only if name in columns.schema.names]
    if not names:  # Arrow would forget how many rows there are
        return pa.RecordBatch.from_arrays([pa.nulls(columns.num_rows)] * len(only), list(only))
    return pa.RecordBatch.from_arrays([columns.column(columns.schema.get_field_index(name)) for name in names], names)


def check_names(path: str, names: list[str]) -> None:
    """Refuses columns that a tf.Example could not tell apart.

    Raises:
      SluiceError: for a name that is there twice, or empty.
    """
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SluiceError(f"{path} has the column `{twice[0]}` more than once.", f"Look:  head -1 {path}")
    if "" in names:
        index = " (the index of a pandas frame is written so; leave it out by index=False)" if not names[0] else ""
        raise SluiceError(f"{path} has no name for column {names.index('') + 1}{index}.", f"Look:  head -1 {path}")


def check_stored(path: str) -> None:
    """Refuses a file that is missing or empty, or a small gzip file that is cut short.

    Raises:
      SluiceError: in these cases.
    """
    with plain_read_errors(path):
        size = file_size(path)
        if not size:
            raise SluiceError(f"{path} is empty.", f"Look:  ls -l {path}")
        if size <= _UNPACKED_AT_ONCE and is_gzip(path):
            with open_content(path) as content:
                while content.read(1 << 20):
                    pass
