"""The state of a local endpoint: one JSON file, changed whole and under a lock, which survives every process.

Beside it the server writes what it has made of it. Both lie in a folder of versions under a name with a dot.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
from filelock import FileLock
from pydantic import Field, ValidationError, model_validator

from core.atomic_write import write_text
from core.errors import SluiceError
from core.strict import Strict, conflict
from serving.contract import WHOLE, EndpointChangedError
from serving.own_folder import check_is_own

FOLDER = ".endpoint"
ASIDE = ".taken-back"  # a file by the name of each version that a rollout took back
Record = TypeVar("Record", bound=Strict)


class StoredModel(Strict):
    """A version that shall be loaded; `version` is its folder."""

    deployed_id: str
    model: str
    version: str


class StoredMirror(Strict):
    """Copies of `share` percent of the requests go to `deployed_id`."""

    share: int
    deployed_id: str


class StoredState(Strict):
    """What shall be. `follows_newest`: nobody has set the traffic yet, so the newest version of the folder gets it."""

    endpoint: str
    etag: str
    follows_newest: bool = True
    deployed: list[StoredModel] = Field(default_factory=list)
    traffic: dict[str, int] = Field(default_factory=dict)
    previous: dict[str, int] | None = None
    mirror: StoredMirror | None = None

    @model_validator(mode="after")
    def _sends_requests_to_what_is_deployed(self) -> StoredState:
        """Whoever edits the file by hand must not send requests to nowhere."""
        targets = [*self.traffic, *([self.mirror.deployed_id] if self.mirror else [])]
        if any(self.find(each) is None for each in targets) or sum(self.traffic.values()) not in (0, WHOLE):
            raise conflict("traffic goes to what is not deployed, or is not 100 in sum", "traffic")
        return self

    def find(self, deployed_id: str) -> StoredModel | None:
        """The deployed model of this id, if there is one."""
        return next((each for each in self.deployed if each.deployed_id == deployed_id), None)


class ObservedModel(Strict):
    """Whether a version answers, and why not."""

    ready: bool
    problem: str = ""


class Observed(Strict):
    """What the server has made of the state of `etag`, and where it answers."""

    etag: str
    pid: int
    born: float
    address: str
    certificate: str
    models: dict[str, ObservedModel]

    def is_alive(self) -> bool:
        """Whether the process that wrote this still runs; a number of a process is given again, its birth is not."""
        try:
            return psutil.Process(self.pid).create_time() == self.born
        except psutil.Error:
            return False


class StateFile:
    """The two files of the endpoint `name` in a folder of versions."""

    def __init__(self, versions: Path, name: str) -> None:
        self.versions = versions
        self.name = name
        self.folder = versions / FOLDER
        self.state_path = self.folder / "state.json"
        self._observed_path = self.folder / "observed.json"

    def exists(self) -> bool:
        """Whether an endpoint was ever started here."""
        return self.state_path.exists()

    def read(self) -> StoredState:
        """The present state; that of a new endpoint when there is none.

        Raises:
          SluiceError: when the file was damaged.
        """
        return _read(self.state_path, StoredState) or StoredState(endpoint=self.name, etag="new")

    def observed(self) -> Observed | None:
        """What the server last wrote, whether or not it still runs.

        Raises:
          SluiceError: when the file was damaged.
        """
        return _read(self._observed_path, Observed)

    def change(self, edit: Callable[[StoredState], StoredState], etag: str | None = None) -> StoredState:
        """Writes the edited state under another etag; does nothing when the edit changes nothing.

        Raises:
          EndpointChangedError: when `etag` is given and is not that of the present state.
          SluiceError: when the file was damaged; when the folder of versions is another workload's.
        """
        check_is_own(self.versions)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "state.lock"):
            before = self.read()
            if etag is not None and etag != before.etag:
                raise EndpointChangedError(
                    f"the endpoint `{self.name}` was changed meanwhile: its etag is {before.etag}, not {etag}",
                    "Read its state again and decide anew.",
                )
            after = edit(before)
            if after == before and self.exists():
                return before
            after = after.model_copy(update={"etag": uuid.uuid4().hex[:12]})
            write_text(self.state_path, after.model_dump_json(indent=2))
            return after

    def observe(self, observed: Observed) -> None:
        """Writes what the server has made of the state."""
        write_text(self._observed_path, observed.model_dump_json(indent=2))

    def stamp(self) -> tuple[int, int]:
        """Another value after every change of the state."""
        try:
            found = self.state_path.stat()
        except FileNotFoundError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_ino)

    def newest_version(self) -> str | None:
        """The version of the highest number, as TensorFlow Serving would choose, among those that no rollout took back.

        That is kept beside the versions: the state may be removed to begin anew.
        """
        if not self.versions.is_dir():
            return None
        names = {entry.name for entry in os.scandir(self.versions) if entry.name.isdigit() and entry.is_dir()}
        return max(names - self.aside(), key=int, default=None)

    def aside(self) -> set[str]:
        """The versions that a rollout took back."""
        folder = self.versions / ASIDE
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    def set_aside(self, version: str, is_aside: bool) -> None:
        """Whether a version gets no traffic by itself."""
        marker = self.versions / ASIDE / version
        if is_aside:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
        else:
            marker.unlink(missing_ok=True)


def _read(path: Path, record: type[Record]) -> Record | None:
    try:
        return record.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValidationError, UnicodeDecodeError) as problem:
        raise SluiceError(
            f"{path} is damaged and says no more what is deployed", f"Begin anew, with the newest version:  rm {path}"
        ) from problem
