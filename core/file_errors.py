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
_IN_WORDS = {
    **{os.strerror(code): code for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)},
    "database or disk is full": errno.ENOSPC,  # SQLite
    "attempt to write a readonly database": errno.EROFS,
}


def unusable(problem: OSError) -> SluiceError | None:
    """The same in a sentence; None for an error that does not name a file, or that a defect might cause as well."""
    reason = _REASONS.get(problem.errno or 0)
    if reason is None or problem.filename is None:
        return None
    command = _MAKE_ROOM if problem.errno in _LACKS_ROOM else f"Look:  ls -ld {problem.filename}"
    return SluiceError(f"{problem.filename} cannot be used: {reason}.", command)


def unwritable(error: BaseException | None) -> SluiceError | None:
    """A full disk or a missing right to it, whichever library reports it, also as the cause of another error, in a
    sentence; None for any other error."""
    while error is not None:
        if found := _of_the_disk(error):
            return found
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


def _of_the_disk(error: BaseException) -> SluiceError | None:
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        return unusable(error) or SluiceError(f"{_REASONS[error.errno]}.", "Look at the disks:  df -h")
    # TensorFlow and the metadata store report these in exceptions of their own.
    text = str(error)
    code = next((code for words, code in _IN_WORDS.items() if words in text), None)
    return SluiceError(f"{_REASONS[code]}.", _MAKE_ROOM if code in _LACKS_ROOM else "Look:  df -h") if code else None
