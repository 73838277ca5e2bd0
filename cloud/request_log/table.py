"""The table in which an endpoint of Vertex AI logs its requests, and the instances in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud import bigquery

from core.errors import SluiceError
from core.remote_errors import LOGIN, Cause, cause_of

# Of what Google documents as schema version v1: the columns that are read, with type and mode.
V1 = {
    "logging_time": ("TIMESTAMP", "NULLABLE"),
    "deployed_model_id": ("STRING", "NULLABLE"),
    "request_payload": ("STRING", "REPEATED"),
}
_NAME = re.compile(r"(?:bq://)?(?P<project>[\w:.-]+?)\.(?P<dataset>\w+)\.(?P<table>\w+)")


@dataclass(frozen=True)
class LoggedRequests:
    """`instances` as they were sent, in the order of time; `left_out`: those that are no object of features."""

    instances: list[dict[str, Any]]
    requests: int
    left_out: int


def logged_requests(table: str, since: datetime, most: int) -> LoggedRequests:
    """The instances of the newest `most` requests that were logged since a moment. `table`: project.dataset.table, with
    or without bq:// before it.

    Raises:
      SluiceError: when the name is none of a table, the table has another schema, or BigQuery cannot be used.
    """
    found = _NAME.fullmatch(table)
    if found is None:
        raise SluiceError(f"`{table}` is not the name of a table in BigQuery, such as bq://project.dataset.table.")
    name = "{project}.{dataset}.{table}".format_map(found.groupdict())
    with _plain_errors(name, found["project"], found["dataset"]):
        client = bigquery.Client(project=found["project"])
        _check_schema(name, client.get_table(name))
        rows = list(client.query_and_wait(_query(name), job_config=_parameters(since, most)))
    instances: list[dict[str, Any]] = []
    left_out = 0
    for row in reversed(rows):
        for text in row["request_payload"]:
            instance = _instance(text)
            left_out += instance is None
            instances += [instance] if instance is not None else []
    return LoggedRequests(instances, len(rows), left_out)


def _check_schema(name: str, table: bigquery.Table) -> None:
    """A newer schema version may keep the same columns; what decides is whether those that are read are there."""
    found = {field.name: (field.field_type, field.mode) for field in table.schema}
    for column, expected in V1.items():
        # A column may be required where the documented one may be empty.
        type_, mode = found.get(column, ("", ""))
        if type_ != expected[0] or (mode == "REPEATED") != (expected[1] == "REPEATED"):
            shown = f"is {mode} {type_}" if type_ else "is not there"
            raise SluiceError(
                f"{name} has no schema that can be read: `{column}` {shown}, and in schema version v1 of the log it is "
                f"{' '.join(reversed(expected))}.",
                f"Look:  bq show --schema {_for_bq(name)}",
            )


def _query(name: str) -> str:
    return f"SELECT request_payload FROM `{name}` WHERE logging_time >= @since ORDER BY logging_time DESC LIMIT @most"


def _parameters(since: datetime, most: int) -> bigquery.QueryJobConfig:
    return bigquery.QueryJobConfig(
        query_parameters=[
            bigquery.ScalarQueryParameter("since", "TIMESTAMP", since),
            bigquery.ScalarQueryParameter("most", "INT64", most),
        ]
    )


def _instance(text: str) -> dict[str, Any] | None:
    """The features that have a value: null, and the empty text that stands for a missing one, have none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _for_bq(name: str) -> str:
    """As the command `bq` takes it: a colon behind the project."""
    project, dataset, table = name.rsplit(".", 2)
    return f"{project}:{dataset}.{table}"


@contextmanager
def _plain_errors(name: str, project: str, dataset: str) -> Iterator[None]:
    try:
        yield
    except SluiceError:
        raise
    except Exception as problem:
        cause = cause_of(problem)
        if cause is None:
            raise
        reason = (str(getattr(problem, "message", "") or problem).splitlines() or [""])[0][:300].rstrip(". ")
        raise {
            Cause.CREDENTIALS: SluiceError(
                f"{name} needs credentials of Google Cloud, and there are none or they have expired.", LOGIN
            ),
            Cause.ABSENT: SluiceError(f"there is no table {name}.", f"Look:  bq ls {project}:{dataset}"),
            Cause.RIGHTS: SluiceError(
                f"this account may not read {name} ({reason}).",
                f"See who may:  bq get-iam-policy {_for_bq(name)}",
            ),
            Cause.UNREACHABLE: SluiceError(f"{name} cannot be read ({reason}).", f"Look:  bq show {_for_bq(name)}"),
        }[cause] from problem
