"""A file or folder that cannot be used, in a sentence: what the system says of it is a user's to mend, no defect."""

from __future__ import annotations

import errno

from core.errors import SluiceError

_REASONS = {
    errno.EACCES: "it is not yours to read or write",
    errno.EDQUOT: "your quota of the disk is used up",
    errno.EEXIST: "it is there already, and is no folder",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOSPC: "the disk is full",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EPERM: "the system does not permit it",
    errno.EROFS: "the disk can only be read",
}


def unusable(problem: OSError) -> SluiceError | None:
    """The same in a sentence; None for an error that does not name a file, or that a defect might cause as well."""
    reason = _REASONS.get(problem.errno or 0)
    if reason is None or problem.filename is None:
        return None
    return SluiceError(f"{problem.filename} cannot be used: {reason}.", f"Look:  ls -ld {problem.filename}")
