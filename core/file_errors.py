"""A file or folder that cannot be used, in a sentence: what the system says of it is a user's to mend, no defect."""

from __future__ import annotations

import errno
import os

from core.errors import SluiceError

_FULL = "the disk is full"
_REASONS = {
    errno.EACCES: "it is not yours to read or write",
    errno.EDQUOT: "your quota of the disk is used up",
    errno.EEXIST: "it is there already, and is no folder",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOSPC: _FULL,
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EPERM: "the system does not permit it",
    errno.EROFS: "the disk can only be read",
}
_LACKS_ROOM = (errno.EDQUOT, errno.ENOSPC)
# The others may be a defect of the code that chose the path.
_OF_THE_DISK = (*_LACKS_ROOM, errno.EACCES, errno.EROFS)
_MAKE_ROOM = "Make room:  df -h"


def unusable(problem: OSError) -> SluiceError | None:
    """The same in a sentence; None for an error that does not name a file, or that a defect might cause as well."""
    reason = _REASONS.get(problem.errno or 0)
    if reason is None or problem.filename is None:
        return None
    command = _MAKE_ROOM if problem.errno in _LACKS_ROOM else f"Look:  ls -ld {problem.filename}"
    return SluiceError(f"{problem.filename} cannot be used: {reason}.", command)


def unwritable(error: BaseException | None) -> SluiceError | None:
    """A full disk or a missing right to it, whichever library reports it, in a sentence; None for any other error."""
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        return unusable(error) or SluiceError(f"{_REASONS[error.errno]}.", "Look at the disks:  df -h")
    # TensorFlow reports a full disk in exceptions of its own.
    return SluiceError(f"{_FULL}.", _MAKE_ROOM) if os.strerror(errno.ENOSPC) in str(error) else None
