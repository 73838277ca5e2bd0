"""What `python -m serving` is given for its log of requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.errors import SluiceError
from serving.log.exchange import Privacy
from serving.log.record_files import MOST_BYTES, RecordFiles
from serving.log.serving_log import FLUSH_SECONDS, SHARE, ServingLog
from serving.log.writer_process import WriterProcess

SALT = "SLUICE_LOG_SALT"


@dataclass(frozen=True)
class LogSettings:
    """`share`: percent of the requests; `interval`: seconds from file to file; `most_bytes`: of all files together."""

    folder: Path
    share: float = SHARE
    interval: float = FLUSH_SECONDS
    most_bytes: int = MOST_BYTES
    privacy: Privacy = field(default_factory=Privacy)

    def opened(self, name: str) -> ServingLog:
        """The log of the endpoint `name`; nothing is written before there is a request."""
        files = RecordFiles(self.folder, name, self.most_bytes)
        return ServingLog(files.add, self.share, self.privacy, self.interval, WriterProcess())


def checked_privacy(omitted: tuple[str, ...], hashed: tuple[str, ...], salt: str) -> Privacy:
    """What shall be left out and what hashed.

    Raises:
      SluiceError: when a feature is named for both, or is to be hashed without a salt.
    """
    if both := sorted({*omitted} & {*hashed}):
        raise SluiceError(f"`{both[0]}` cannot be both left out of the log and hashed in it")
    if hashed and not salt:
        raise SluiceError(
            f"`{hashed[0]}` is to be hashed in the log, and {SALT} is not set: a hash without a salt can be guessed",
            f"Set it:  export {SALT}=$(openssl rand -hex 16)",
        )
    return Privacy(frozenset(omitted), frozenset(hashed), salt.encode())
