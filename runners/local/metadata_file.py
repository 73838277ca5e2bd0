"""The metadata store's file before a run: damaged, it is refused; lost, the artifacts that it listed are set aside."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from core.errors import SluiceError
from runners.results.run_folder import RunFolder, from_here

_NOT_A_STORE = ("malformed", "not a database", "encrypted")


def check_metadata(folder: RunFolder) -> Path | None:
    """Refuse a damaged store. A new store counts its executions from 1, and so uses the folders of lost ones again:
    where artifacts lie without their store, they are renamed, and their new place is returned.

    Raises:
      SluiceError: when the file is no metadata store.
    """
    path, artifacts = folder.metadata, folder.artifacts
    if path.exists() and path.stat().st_size:
        if problem := _damage(path):
            raise SluiceError(
                f"the metadata store {path} is damaged: {problem}.",
                f"Put it aside and run again (all is made anew; what is served and registered stays):  "
                f"mv {from_here(path)} {from_here(path)}.damaged",
            )
        return None
    if not artifacts.is_dir() or not any(artifacts.iterdir()):
        return None
    aside = artifacts.with_name(f"{artifacts.name}-without-metadata-{folder.run_id}")
    return artifacts.rename(aside)


def _damage(path: Path) -> str:
    """What SQLite finds wrong in it, in its own words; empty when nothing, or when it cannot be looked at now."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
            [[bytes_of_all]] = connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        finally:
            connection.close()
    except sqlite3.DatabaseError as problem:
        words = str(problem)
        return words if any(each in words for each in _NOT_A_STORE) else ""
    if found != ["ok"]:
        return found[0].splitlines()[0].rstrip(".") if found else "it holds nothing that can be read"
    if path.stat().st_size < bytes_of_all:
        return "its end is missing"
    return "" if not tables or "MLMDEnv" in tables else "it is another program's database"
