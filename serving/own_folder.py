"""Whether a folder of versions can be a workload's own: a link may lead to nothing, or into another workload's."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import SluiceError

_ROOM = "serving"  # the folder beside the runs in which each workload has one of its own


def check_is_own(folder: Path) -> None:
    """Checks that `folder` is a folder, or can become one, and that no other workload has it as well.

    Raises:
      SluiceError: when it, or a folder above it, is a file or a link to nothing; when it is a link into the folder of
        another workload.
    """
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        if os.path.lexists(place) and not place.is_dir():
            what = f"is a link to {place.readlink()}, and no folder is there" if place.is_symlink() else "is a file"
            sentence = f"{folder} cannot hold the versions of a workload: {place} {what}."
            raise SluiceError(sentence, f"Look:  ls -ld {place}")
    if owner := _other_owner(folder):
        raise SluiceError(
            f"{folder} cannot hold the versions of a workload of its own: it leads to {os.path.realpath(folder)}, "
            f"which is {owner}'s.",
            f"Look:  ls -ld {folder}",
        )


def _other_owner(folder: Path) -> str | None:
    """The workload in whose folder `folder` ends; a link to a place that nobody else has is fine."""
    target, room = Path(os.path.realpath(folder)), folder.parent
    if not folder.is_symlink():
        return None
    if _is_of_runs(target) and room.name == _ROOM and target.name != folder.name:
        return target.name
    siblings = [each for each in room.iterdir() if each.name != folder.name and not _leads_to(each, folder)]
    return next((each.name for each in siblings if each.is_dir() and _has(each, target)), None)


def _is_of_runs(target: Path) -> bool:
    """Whether it is in an output folder, which has the runs of the same workload as well."""
    return target.parent.name == _ROOM and (target.parent.parent / target.name).is_dir()


def _leads_to(other: Path, folder: Path) -> bool:
    """Whether it is but another name of `folder`."""
    if not other.is_symlink():
        return False
    place = other.parent / other.readlink()
    return place.name == folder.name and os.path.realpath(place.parent) == os.path.realpath(folder.parent)


def _has(other: Path, target: Path) -> bool:
    """Whether `target` is `other`, or lies in it beside versions; one that holds folders of several workloads, such
    as their releases, is nobody's."""
    place = os.path.realpath(other)
    if os.fspath(target) == place:
        return True
    return target.is_relative_to(place) and any(entry.name.isdigit() for entry in os.scandir(place))
