"""BigQuery, as far as a log of requests is read: a table's schema, and one form of query over its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from google.api_core import exceptions

from cloud.testing.access import Access
from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router

PAGE_ROWS = 1000
_QUERY = re.compile(
    r"SELECT (?P<column>\w+) FROM `(?P<table>[^`]+)` WHERE (?P<time>\w+) >= @(?P<since>\w+) "
    r"ORDER BY (?P=time) DESC LIMIT @(?P<most>\w+)"
)


@dataclass
class Table:
    """`schema` as BigQuery writes it; a row's TIMESTAMP is a datetime."""

    schema: Sequence[Mapping[str, str]]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def column(self, name: str) -> Mapping[str, str]:
        """The column of this name.

        Raises:
          BadRequest: when there is none.
        """
        for each in self.schema:
            if each["name"] == name:
                return each
        raise exceptions.BadRequest(f"Unrecognized name: {name}")


@dataclass
class BigQuery:
    """Tables by `project.dataset.table`. Queries of any other form than the log's are refused."""

    access: Access
    tables: dict[str, Table] = field(default_factory=dict)
    _answers: list[tuple[Mapping[str, str], list[dict[str, Any]]]] = field(default_factory=list)

    def router(self) -> Router:
        """What `bigquery.googleapis.com` answers."""
        router = Router("BigQuery")
        v2 = "/bigquery/v2/projects/{project}"
        router.add("GET", f"{v2}/datasets/{{dataset}}/tables/{{table}}", self._get)
        router.add("POST", f"{v2}/queries", self._query)
        router.add("GET", f"{v2}/queries/{{job}}", self._page)
        router.add("GET", f"{v2}/jobs/{{job}}", self._job)
        return router

    def _get(self, request: Request, values: dict[str, str]) -> Answer:
        name = "{project}.{dataset}.{table}".format_map(values)
        reference = {f"{each}Id": values[each] for each in ("project", "dataset", "table")}
        return Answer.of({"tableReference": reference, "schema": {"fields": [*self._table(name, request).schema]}})

    def _query(self, request: Request, values: dict[str, str]) -> Answer:
        body = request.json()
        found = _QUERY.fullmatch(body["query"])
        if found is None or body.get("useLegacySql", True):
            raise exceptions.BadRequest(f"The local BigQuery answers no such query: {body['query']}")
        table = self._table(found["table"], request)
        given = {each["name"]: each["parameterValue"]["value"] for each in body["queryParameters"]}
        since = datetime.fromisoformat(given[found["since"]])
        rows = [row for row in table.rows if row[found["time"]] >= since.astimezone(timezone.utc)]
        rows.sort(key=lambda row: row[found["time"]], reverse=True)
        self._answers.append((table.column(found["column"]), rows[: int(given[found["most"]])]))
        return self._answer(values["project"], len(self._answers) - 1, 0)

    def _page(self, request: Request, values: dict[str, str]) -> Answer:
        return self._answer(values["project"], int(values["job"]), int(request.argument("pageToken", "0")))

    def _job(self, _: Request, values: dict[str, str]) -> Answer:
        """What the client requests before it goes on to the second page."""
        reference = {"projectId": values["project"], "jobId": values["job"], "location": "US"}
        query = {"query": {"query": "", "useLegacySql": False}}
        return Answer.of({"jobReference": reference, "status": {"state": "DONE"}, "configuration": query})

    def _answer(self, project: str, job: int, first: int) -> Answer:
        column, rows = self._answers[job]
        page = rows[first : first + PAGE_ROWS]
        answer = {
            "jobReference": {"projectId": project, "jobId": str(job), "location": "US"},
            "jobComplete": True,
            "schema": {"fields": [column]},
            "totalRows": str(len(rows)),
            "rows": [{"f": [{"v": [{"v": each} for each in row[column["name"]]]}]} for row in page],
        }
        following = first + PAGE_ROWS
        return Answer.of(answer | ({"pageToken": str(following)} if following < len(rows) else {}))

    def _table(self, name: str, request: Request) -> Table:
        self.access.require("bigquery.tables.getData", name, request.caller)
        if name not in self.tables:
            raise exceptions.NotFound(f"Not found: Table {name}")
        return self.tables[name]
