"""The outcome of every trial in files that outlive the process, so that no trial runs again after a kill."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from functools import partial
from typing import Any

import tensorflow as tf

from core.atomic_write import write_through
from models.search.trial import Task, TrialOutcome


class Ledger:
    """A file a task in `folder`, which may be in a bucket; each is written whole or not at all."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._outcomes = {}
        for path in tf.io.gfile.glob(f"{folder}/trial-*.json"):
            key = path.rpartition("trial-")[2].removesuffix(".json")
            try:
                with tf.io.gfile.GFile(path) as file:
                    self._outcomes[key] = TrialOutcome(**json.loads(file.read())["outcome"])
            except (ValueError, KeyError, TypeError) as problem:  # a disk that lost its power; the trial is run again
                logging.getLogger(__name__).warning("%s cannot be read: %s", path, problem)
        tf.io.gfile.makedirs(folder)

    @property
    def seconds(self) -> float:
        """The sum of all trials' seconds."""
        return sum(outcome.seconds for outcome in self._outcomes.values())

    def find(self, task: Task) -> TrialOutcome | None:
        """The outcome of a task that has ended, or None."""
        return self._outcomes.get(task.key)

    def keep(self, task: Task, outcome: TrialOutcome) -> None:
        """Stores the outcome of a task."""
        written: dict[str, Any] = {"task": asdict(task), "outcome": asdict(outcome)}
        create, rename = partial(tf.io.gfile.GFile, mode="wb"), partial(tf.io.gfile.rename, overwrite=True)
        write_through(self._path(task.key), json.dumps(written, indent=1).encode(), create, rename)
        self._outcomes[task.key] = outcome

    def forget_failures(self, killed_alone: bool = False) -> None:
        """Removes failed outcomes so that their tasks are tried again: all, or those whose process was killed."""
        failed = {key: outcome for key, outcome in self._outcomes.items() if outcome.state == "failed"}
        for key, outcome in failed.items():
            if outcome.killed or not killed_alone:
                tf.io.gfile.remove(self._path(key))
                del self._outcomes[key]

    def weights_of(self, key: str) -> str:
        """The path of a task's trained weights, for the task that continues it."""
        return f"{self.folder}/trial-{key}.weights.h5"

    def forget_weights(self) -> None:
        """Removes all stored weights once the search is over."""
        for path in tf.io.gfile.glob(f"{self.folder}/trial-*.weights.h5"):
            tf.io.gfile.remove(path)

    def _path(self, key: str) -> str:
        return f"{self.folder}/trial-{key}.json"
