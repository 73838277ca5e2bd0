"""The Beam transform: files in, split shards of tf.Examples out. Its elements are files and parts of files, never
rows, so it scales out without Beam's cost for each row. An error in the data is passed as a value, because Beam would
wrap an exception."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsList, AsSingleton

from core.errors import SluiceError
from pipeline.ingest.assignment import LEFT_OUT, NOT_SHARED
from pipeline.ingest.batches import Batch, bounded, make_batch
from pipeline.ingest.label_values import LabelValues
from pipeline.ingest.plan import Plan, Wanted, make_plan
from pipeline.ingest.shards import WORK_FOLDER, ShardWriter, write_whole
from pipeline.ingest.times import TimeCounts, cut_points, instants
from sources.format import FileSurvey, Part
from sources.formats import format_named
from sources.images import IMAGE
from sources.rejects import KEPT_PER_PART, Reject

SUMMARY_FILE = "summary.json"


@dataclass(frozen=True)
class Problem:
    """The reason why the data cannot be used, from a worker to the executor."""

    headline: str
    next_command: str = ""

    @classmethod
    def of(cls, error: SluiceError) -> Problem:
        """From the sentence of an error."""
        return cls(error.headline, error.next_command)


@dataclass
class PartResult:
    """The result of one part."""

    part: int
    rows: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    not_shared: int = 0
    unusable: int = 0
    labels: LabelValues = field(default_factory=LabelValues)
    first_reject: dict[str, Any] | None = None
    rejects_file: str | None = None
    problem: Problem | None = None


@dataclass
class Summary:
    """The results of all parts, which the executor reads from a file."""

    rows: dict[str, int]
    left_out: int = 0
    not_shared: int = 0
    unusable: int = 0
    first_reject: dict[str, Any] | None = None
    rejects_files: list[str] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    columns: int = 0
    seen: list[float] = field(default_factory=list)
    images: dict[str, list[int]] = field(default_factory=dict)  # column → height, width, channels
    class_names: list[str] = field(default_factory=list)
    labels: LabelValues = field(default_factory=LabelValues)
    notes: list[str] = field(default_factory=list)  # on how columns were read
    problem: list[str] | None = None


class Ingest(beam.PTransform):
    """Reads `files` of one format, and writes the splits under `uri` and a summary beside them."""

    def __init__(self, files: tuple[str, ...], format_: str, wanted: Wanted, uri: str) -> None:
        super().__init__()
        self._files, self._format, self._wanted, self._uri = files, format_, wanted, uri

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Survey of the files, plan, then the parts."""
        # Grouping by number spreads the work over workers. Beam's composites (Create, Reshuffle, ToList) do the
        # same with ten times the transforms, and their set-up would take longer than 15,000 rows do.
        surveys = (
            pipeline
            | "StartFiles" >> beam.Impulse()
            | "Files" >> beam.FlatMap(_numbered, self._files)
            | "SpreadFiles" >> beam.GroupByKey()
            | "Survey" >> beam.Map(_survey, self._format, self._wanted)
        )
        start = pipeline | "Start" >> beam.Impulse()
        plan = start | "Plan" >> beam.Map(_plan, AsList(surveys), self._wanted, self._format)
        parts = plan | "Parts" >> beam.FlatMap(_parts) | "SpreadParts" >> beam.GroupByKey()
        if self._wanted.split.by == "time" and self._wanted.only is None:
            times = parts | "CountTimes" >> beam.Map(_count_times, AsSingleton(plan))
            plan = plan | "Cut" >> beam.Map(_with_cuts, AsList(times))
        results = parts | "Write" >> beam.ParDo(_WritePart(self._uri), AsSingleton(plan))
        return start | "Summarise" >> beam.Map(_summarise, AsList(results), AsSingleton(plan), self._uri)


def _numbered(_: bytes, files: tuple[str, ...]) -> list[tuple[int, str]]:
    return list(enumerate(files))


def _survey(numbered: tuple[int, Iterable[str]], format_: str, wanted: Wanted) -> tuple[int, FileSurvey | Problem]:
    number, (path,) = numbered
    try:
        survey = format_named(format_, wanted.data.reading).survey(
            path, wanted.ints, wanted.data.image_path_column is not None
        )
        return number, survey
    except SluiceError as error:
        return number, Problem.of(error)


def _plan(_: bytes, surveys: list[tuple[int, FileSurvey | Problem]], wanted: Wanted, format_: str) -> Plan | Problem:
    ordered = [survey for _, survey in sorted(surveys, key=lambda entry: entry[0])]
    if problems := [survey for survey in ordered if isinstance(survey, Problem)]:
        return problems[0]
    try:
        good = [survey for survey in ordered if isinstance(survey, FileSurvey)]
        return make_plan(wanted, good, format_named(format_, wanted.data.reading))
    except SluiceError as error:
        return Problem.of(error)


def _parts(plan: Plan | Problem) -> list[tuple[int, Part]]:
    return [] if isinstance(plan, Problem) else list(enumerate(plan.parts))


def _count_times(numbered: tuple[int, Iterable[Part]], plan: Plan) -> TimeCounts | Problem:
    """The times of one part's usable rows, from the columns that decide whether a row can be used."""
    _, (part,) = numbered
    column = plan.assigner.time_column or ""
    names = sorted({column, *plan.deciding} & set(plan.kinds))
    narrow = dataclasses.replace(
        plan,
        kinds={name: plan.kinds[name] for name in names},
        images=None,
        assigner=dataclasses.replace(plan.assigner, only="all"),
    )
    counts = TimeCounts.of(np.zeros(0))
    try:
        for rows in format_named(plan.format, plan.reading).read(part, names):
            examples = make_batch(rows, narrow, part.path).examples
            counts = counts.merged(
                TimeCounts.of(instants(examples.column(examples.schema.get_field_index(column)).flatten()))
            )
    except SluiceError as error:
        return Problem.of(error)
    return counts


def _with_cuts(plan: Plan | Problem, counted: list[TimeCounts | Problem]) -> Plan | Problem:
    """The plan with the instants of the cuts."""
    problems = [count for count in (plan, *counted) if isinstance(count, Problem)]
    if isinstance(plan, Problem) or problems:
        return problems[0]
    times = functools.reduce(TimeCounts.merged, (count for count in counted if isinstance(count, TimeCounts)))
    if not len(times.latest):
        return Problem(f"no row has a time in `{plan.assigner.time_column}`, so the split cannot go by time.")
    split = plan.assigner.split
    cuts = cut_points(times, (split.train, split.eval, split.test))
    seen = (float(times.latest[0]), float(times.latest[-1]))
    return dataclasses.replace(plan, assigner=dataclasses.replace(plan.assigner, cuts=cuts, seen=seen))


class _WritePart(beam.DoFn):
    """Reads, assigns, encodes and writes one part; returns its PartResult."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._encoder: Any = None

    def setup(self) -> None:
        from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

        self._encoder = RecordBatchToExamplesEncoder()

    def process(self, numbered: tuple[int, Iterable[Part]], plan: Plan | Problem) -> Iterator[PartResult]:
        if isinstance(plan, Problem):  # found while the times were counted
            return
        number, (part,) = numbered
        writers = [ShardWriter(self._uri, name, number) for name in plan.assigner.names]
        result = PartResult(number)
        rejects: list[Reject] = []
        try:
            for rows in bounded(format_named(plan.format, plan.reading).read(part), plan):
                batch = make_batch(rows, plan, part.path)
                result.left_out += int((batch.places == LEFT_OUT).sum())
                result.not_shared += int((batch.places == NOT_SHARED).sum())
                if plan.label is not None and batch.examples.num_rows:
                    result.labels.add(batch.examples.column(plan.label))
                result.unusable += sum(reject.lines for reject in batch.rejects)
                rejects += batch.rejects[: KEPT_PER_PART - len(rejects)]
                self._write(batch, writers)
            for writer in writers:
                writer.close()
            self._put_aside(result, rejects)
        except SluiceError as error:
            result.problem = Problem.of(error)
        finally:
            for writer in writers:
                writer.abandon()
        result.rows = {name: writer.rows for name, writer in zip(plan.assigner.names, writers, strict=True)}
        yield result

    def _write(self, batch: Batch, writers: list[ShardWriter]) -> None:
        records = self._encoder.encode(batch.examples) if batch.examples.num_rows else []
        for place, writer in enumerate(writers):
            writer.write([records[row] for row in np.flatnonzero(batch.places == place)])

    def _put_aside(self, result: PartResult, rejects: list[Reject]) -> None:
        if rejects:
            path = f"{self._uri}/{WORK_FOLDER}/rejects-{result.part:05d}.jsonl"
            write_whole(path, "".join(reject.to_json() + "\n" for reject in rejects).encode())
            result.rejects_file = path
            result.first_reject = json.loads(rejects[0].to_json())


def _summarise(_: bytes, results: list[PartResult], plan: Plan | Problem, uri: str) -> None:
    if isinstance(plan, Problem):
        summary = Summary({}, problem=[plan.headline, plan.next_command])
    else:
        summary = _add_up(sorted(results, key=lambda result: result.part), plan)
    write_whole(f"{uri}/{WORK_FOLDER}/{SUMMARY_FILE}", json.dumps(dataclasses.asdict(summary)).encode())


def _add_up(results: list[PartResult], plan: Plan) -> Summary:
    problems = [result.problem for result in results if result.problem]
    return Summary(
        rows={name: sum(result.rows[name] for result in results) for name in plan.assigner.names},
        left_out=sum(result.left_out for result in results),
        not_shared=sum(result.not_shared for result in results),
        unusable=sum(result.unusable for result in results),
        first_reject=next((result.first_reject for result in results if result.first_reject), None),
        rejects_files=[result.rejects_file for result in results if result.rejects_file],
        kinds={name: int(kind) for name, kind in plan.example_kinds.items()},
        columns=len(plan.example_kinds) + (plan.expression is not None),
        seen=list(plan.assigner.seen),
        images={IMAGE: list(dataclasses.astuple(plan.images.shape))} if plan.images else {},
        class_names=list(plan.class_names),
        labels=_labels(results),
        notes=list(plan.notes),
        problem=[problems[0].headline, problems[0].next_command] if problems else None,
    )


def _labels(results: list[PartResult]) -> LabelValues:
    labels = LabelValues()
    for result in results:
        labels.merge(result.labels)
    return labels
