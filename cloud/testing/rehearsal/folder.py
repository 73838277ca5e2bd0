"""The folder of a rehearsal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RehearsalFolder:
    """Where a rehearsal keeps what it has done, and the logs of its containers."""

    folder: Path

    @property
    def cloud(self) -> Path:
        """The contents of the local cloud, which the next rehearsal finds again."""
        return self.folder / "cloud"

    @property
    def logs(self) -> Path:
        """A folder for each job, a file for each container."""
        return self.folder / "logs"
