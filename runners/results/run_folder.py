"""The folders of a run: `out/<workload>/<run-id>/`, artifacts and metadata beside it, and the lock over both."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import SluiceError


@dataclass(frozen=True)
class RunFiles:
    """What a run leaves for people and scripts in a folder of its own."""

    path: Path

    @property
    def record(self) -> Path:
        """The record, for scripts."""
        return self.path / "run.json"

    @property
    def report(self) -> Path:
        """The report, for people."""
        return self.path / "report.html"

    @property
    def proposed_schema(self) -> Path:
        """The schema that this run proposed, for a person to curate."""
        return self.path / "schema.pbtxt"

    @property
    def hyperparameters(self) -> Path:
        """The best hyperparameters of this run's search, for `tuner.frozen`."""
        return self.path / "hyperparameters.yaml"


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run, and those that the runs of a workload share."""

    workload_dir: Path
    run_id: str

    @property
    def path(self) -> Path:
        """The folder of this run alone."""
        return self.workload_dir / self.run_id

    @property
    def files(self) -> RunFiles:
        """The files in it."""
        return RunFiles(self.path)

    @property
    def log(self) -> Path:
        """The output of libraries."""
        return self.path / "run.log"

    @property
    def artifacts(self) -> Path:
        """The pipeline root: artifacts of all runs of this workload, reused from run to run."""
        return self.workload_dir / "artifacts"

    @property
    def metadata(self) -> Path:
        """The SQLite metadata store of this workload."""
        return self.workload_dir / "metadata.sqlite"

    @property
    def output(self) -> Path:
        """The output folder of all workloads, which also holds the records of rollouts."""
        return self.workload_dir.parent

    @property
    def serving(self) -> Path:
        """Where blessed models are pushed: `out/serving/<workload>/<version>`."""
        return self.workload_dir.parent / "serving" / self.workload_dir.name

    @property
    def registry(self) -> Path:
        """Where blessed models are kept: `out/registry/<workload>/<version>`, numbered by what changed."""
        return self.workload_dir.parent / "registry"

    def publish_as_latest(self) -> None:
        """Point `latest` at this run in one step, so that it never points at nothing."""
        link = self.workload_dir / "latest"
        fresh = self.workload_dir / f".latest-{os.getpid()}"
        fresh.symlink_to(self.run_id, target_is_directory=True)
        fresh.replace(link)


def new_run_folder(output_dir: Path, workload: str) -> RunFolder:
    """Make the folder of a new run; its name is the start in UTC and sorts by time.

    Raises:
      SluiceError: when the output folder cannot be written.
    """
    workload_dir = output_dir.absolute() / workload
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime())
    for attempt in range(1, 100):
        run_id = stamp if attempt == 1 else f"{stamp}-{attempt}"
        try:
            (workload_dir / run_id).mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as problem:
            raise SluiceError(
                f"the output folder {workload_dir} cannot be written: {problem.strerror}.",
                "Use another:  python runners/local_runner.py --output-dir FOLDER",
            ) from problem
        return RunFolder(workload_dir, run_id)
    raise SluiceError(f"a hundred runs started in {workload_dir} within one second.", "Wait a second and try again.")


@contextmanager
def exclusive(output_dir: Path, workload: str) -> Iterator[None]:
    """Lock the workload's output folder for this process; the kernel releases the lock even after kill -9.

    Raises:
      SluiceError: when another run holds the lock, with that run's process id; when runs cannot be written there.
    """
    workload_dir = output_dir.absolute() / workload
    _check_is_no_pattern(output_dir.absolute())
    try:
        workload_dir.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SluiceError(
            f"the output folder {workload_dir} cannot be made: {problem.strerror}.",
            "Use another:  python runners/local_runner.py --output-dir FOLDER",
        ) from problem
    lock = FileLock(workload_dir / ".lock")
    holder = workload_dir / ".lock-holder"
    try:
        lock.acquire(timeout=0)
    except Timeout as problem:
        pid = holder.read_text().strip() if holder.exists() else "unknown"
        raise SluiceError(
            f"another run (process {pid}) is using {workload_dir}.",
            "Wait for it, or use another folder:  python runners/local_runner.py --output-dir FOLDER",
        ) from problem
    except OSError as problem:
        sentence = f"the output folder {workload_dir} cannot be locked: {problem.strerror}."
        raise SluiceError(sentence, "Use another:  python runners/local_runner.py --output-dir FOLDER") from problem
    try:
        holder.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def _check_is_no_pattern(folder: Path) -> None:
    """Refuse a path with one of these characters: Beam and glob read it as a pattern and would not find the outputs."""
    found = next((mark for mark in str(folder) if mark in "[*?"), None)
    if found is not None:
        raise SluiceError(
            f"the output folder {folder} has `{found}` in its path, which stands for other names where files are "
            "looked up.",
            "Use another:  python runners/local_runner.py --output-dir FOLDER",
        )


def from_here(path: Path) -> str:
    """A path as the console shows it: relative to the current folder, if it is below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
