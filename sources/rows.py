"""Rows on their way from a file to a gate or into tf.Examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sources.rejects import Reject

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from sources.csv_form import CsvForm


@dataclass
class Rows:
    """Consecutive rows of one file. `typed`: the columns have their types; else they are text to be converted.
    `lines`: where each row stands, counted from 1 in the unit that the format's `row` names. `form`: how the text of
    numbers is written, where it is not as usual."""

    columns: pa.RecordBatch
    lines: npt.NDArray[np.int64]
    typed: bool
    rejects: list[Reject] = field(default_factory=list)
    form: CsvForm | None = None

    def number_text(self, column: pa.StringArray) -> pa.StringArray:
        """Text cells as the rules for numbers read them."""
        return column if self.form is None else self.form.number_text(column)
