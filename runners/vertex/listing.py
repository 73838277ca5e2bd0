"""The list of a compiled job's tasks as text, and the placeholders that an environment file still holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.text import listed
from runners.vertex.job import JobTask

_BLESSED = re.compile(r"\(?inputs\.artifacts\['_?(\w+)\.\w+'\]\.artifacts\[0\]\.metadata\['blessed'\] == 1\.0\)?")
_PLACEHOLDER = re.compile(r"(^|[/@])my-")  # the files in configs/environments/ write their placeholders so


def task_lines(tasks: Sequence[JobTask]) -> Iterator[str]:
    """A head and a line for each task: its name, its kind, and when it runs; no line ends in blanks."""
    rows = [("task", "kind", "runs when"), *((task.name, task.kind, runs_when(task)) for task in tasks)]
    width, kind_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, kind, condition in rows:
        yield f"  {name:<{width}}  {kind:<{kind_width}}  {condition}"


def runs_when(task: JobTask) -> str:
    """When a task runs, in words."""
    return "all others have ended, however" if task.is_exit_handler else in_words(task.condition)


def in_words(condition: str) -> str:
    """`ExampleValidator and DataGate blessed` for a condition on their blessings; any other as it is compiled."""
    if not condition:
        return "its inputs are there"
    clauses = [_BLESSED.fullmatch(clause.strip()) for clause in condition.split("&&")]
    names = [clause[1] for clause in clauses if clause]
    return f"{listed(names)} blessed" if len(names) == len(clauses) else " ".join(condition.split())


def placeholders(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys whose value is a placeholder: `my-…` at its beginning or behind `/` or `@`; `dataflow.region` for an
    inner one."""
    found: list[str] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += placeholders(value, f"{prefix}{key}.")
        elif isinstance(value, str) and _PLACEHOLDER.search(value):
            found.append(f"{prefix}{key}")
    return found
