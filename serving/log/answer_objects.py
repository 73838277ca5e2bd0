"""The record of answers of a container: a file a flush, in a bucket or a folder, below the id of the deployed model.

A name begins with the time, so that a reader lists only what came since it last looked.
"""

from __future__ import annotations

import posixpath
import time
import uuid

from tensorflow import errors
from tensorflow.io import gfile

from serving.log.answer_line import object_name

SECONDS = 10.0


class AnswerObjects:
    """`append` writes lines as a file of their own; one container is told from another by a number made by chance."""

    def __init__(self, folder: str) -> None:
        """`folder`: that of the deployed model, gs://bucket/folder or a local one."""
        self._folder = folder
        self._container = uuid.uuid4().hex[:12]

    def append(self, lines: bytes) -> None:
        """Writes whole lines.

        Raises:
          OSError: when the place cannot be written; the lines are lost.
        """
        try:
            if "://" not in self._folder:  # a bucket has no folders, and asking for one takes more rights
                gfile.makedirs(self._folder)
            with gfile.GFile(posixpath.join(self._folder, object_name(time.time(), self._container)), "wb") as file:
                file.write(lines)
        except errors.OpError as problem:
            raise OSError(f"{self._folder}: {problem.message}") from problem
