"""What a reader of files is given besides their paths: how CSV is written, and which columns are left out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence

from core.errors import SluiceError
from core.strict import Strict
from core.text import did_you_mean
from sources.csv_form import CsvForm


class Reading(Strict):
    """How the files of a source are read."""

    csv: CsvForm = CsvForm()
    ignore_columns: list[str] = []
    """Columns that are never read."""

    def kept(self, columns: Iterable[str]) -> list[str]:
        """The columns that are read, of those that are there."""
        return [name for name in columns if name not in self.ignore_columns]

    def check(self, path: str, columns: Sequence[str], may_lack: bool) -> None:
        """Refuses a name that leaves no column out. `may_lack`: a file may lack a column that others have, so that only
        a misspelt name is refused.

        Raises:
          SluiceError: when there is one.
        """
        for name in self.ignore_columns:
            hint = did_you_mean(name, columns, otherwise="" if may_lack else ".", cutoff=0.7)
            if name not in columns and hint:
                raise SluiceError(
                    f"data.ignore_columns names `{name}`, which is no column of {path}{hint}",
                    f"Look:  python -m gates describe --data {path}",
                )


AS_USUAL = Reading()


def to_leave_out(columns: Iterable[str]) -> str:
    """The next command that leaves these columns out."""
    names = list(columns)
    options = " ".join(f"--ignore-column {shlex.quote(name)}" for name in names)
    key = shlex.quote(f"data.ignore_columns={json.dumps(names, ensure_ascii=False)}")
    return f"Leave {'it' if len(names) == 1 else 'them'} out:  --set {key}   (python -m gates check: {options})"
