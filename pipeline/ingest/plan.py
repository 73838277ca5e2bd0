"""The plan for every row, made after the survey and before the first row is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from core.errors import SluiceError
from core.text import did_you_mean
from pipeline.config.hyperparameters import ModelClasses
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.assignment import SPLITS, Assigner
from pipeline.ingest.given_splits import given_splits
from pipeline.ingest.image_plan import ImagePlan, check_class_folders, names_in_data, plan_images
from pipeline.ingest.label import LabelExpression, parse_label_expression
from sources.format import FileSurvey, Format, Part
from sources.images import IMAGE
from sources.joined import columns_in_words, joined_kinds, why_text
from sources.kinds import KIND_OF_OVERRIDE, Kind, agreed_kind
from sources.reading import AS_USUAL, Reading
from sources.why_text import notes


@dataclass(frozen=True)
class Wanted:
    """The request to ingest. `only`: all rows go to this one split and need no label (a serving log, an earlier span).
    `known`: kinds that columns have elsewhere (in the curated schema, in train), so that both sides agree."""

    data: DataConfig
    split: SplitConfig
    only: str | None = None
    known: dict[str, Kind] = field(default_factory=dict)
    classes: ModelClasses | None = None  # of the label; None: its values are not judged

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits of the output."""
        return (self.only,) if self.only else SPLITS

    @property
    def ints(self) -> frozenset[str]:
        """Columns that are int if every value in the data is whole."""
        known = (name for name, kind in self.known.items() if kind is Kind.INT)
        return frozenset(known).difference(self.data.column_types)


@dataclass(frozen=True)
class Plan:
    """Columns with their kinds, sorted by name; the parts to read; the rules for label and split."""

    format: str
    kinds: dict[str, Kind]
    parts: tuple[Part, ...]
    files: tuple[str, ...]
    label: str | None
    expression: LabelExpression | None
    assigner: Assigner
    images: ImagePlan | None = None
    class_names: tuple[str, ...] = ()  # of a label in words, which becomes the place of its name here
    class_texts: tuple[str, ...] = ()  # the same names as the rows spell them
    reading: Reading = AS_USUAL
    notes: tuple[str, ...] = ()
    deciding: tuple[str, ...] = ()  # the columns by which a row of a table may turn out to be unusable
    split_column: str | None = None  # holds the names of splits: it assigns rows, and is no column of the examples

    @property
    def example_kinds(self) -> dict[str, Kind]:
        """The kinds of the columns as they stand in tf.Examples: images for their paths, numbers for classes."""
        kinds = dict(self.kinds)
        if self.images is not None and self.images.path_column is not None:
            del kinds[self.images.path_column]
            kinds[IMAGE] = Kind.INT
        if self.class_names and self.assigner.label in kinds:
            kinds[self.assigner.label] = Kind.INT
        kinds.pop(self.split_column or "", None)
        return dict(sorted(kinds.items()))


def needed_columns(wanted: Wanted, present: Iterable[str]) -> dict[str, str]:
    """Columns that the data must have → the configuration key that names each."""
    data, needed = wanted.data, {}
    if wanted.only is None:
        if data.label_expression is None:
            needed[data.label] = "data.label"
        elif data.label not in present:
            names = parse_label_expression(data.label_expression).names
            needed.update(dict.fromkeys(names, "data.label_expression"))
        for key in ("entity_key", "time_column"):
            if (name := getattr(data, key)) is not None:
                needed[name] = f"data.{key}"
        if wanted.split.column is not None:
            needed[wanted.split.column] = "split.column"
    # What an endpoint saw are the pixels themselves.
    if data.image_path_column is not None and not (wanted.only and IMAGE in present):
        needed[data.image_path_column] = "data.image_path_column"
    return needed


def check_columns(path: str, present: Iterable[str], wanted: Wanted) -> None:
    """Refuses a file that lacks a column which the configuration names.

    Raises:
      SluiceError: when a column is missing.
    """
    have = list(present)
    for name, key in needed_columns(wanted, have).items():
        if name in wanted.data.ignore_columns:
            raise SluiceError(f"data.ignore_columns leaves out `{name}`, which {key} names.", "Remove it from one.")
        if name not in have:
            hint = did_you_mean(name, have, f"; it has {columns_in_words(have) or 'no columns'}.")
            raise SluiceError(f"{path} has no column `{name}`, which {key} names{hint}", f"Set it:  --set {key}=COLUMN")
    if wanted.only is None and (unknown := sorted(set(wanted.data.column_types) - set(have))):
        raise SluiceError(f"{path} has no column `{unknown[0]}`, which data.column_types names.")


def make_plan(wanted: Wanted, surveys: list[FileSurvey], format_: Format[Any]) -> Plan:
    """The plan for every row, from the surveys of all files.

    Raises:
      SluiceError: when they lack a required column, or do not belong together.
    """
    kinds = joined_kinds(surveys, format_)
    check_columns(surveys[0].path, kinds, wanted)
    for name in kinds:
        all_whole = all(survey.kinds.get(name) is not Kind.FLOAT or name in survey.whole for survey in surveys)
        kinds[name] = agreed_kind(kinds[name], wanted.known.get(name, Kind.NONE), all_whole, format_.from_text)
        if name in wanted.data.column_types:
            kinds[name] = KIND_OF_OVERRIDE[wanted.data.column_types[name]]
    label, expression = _label(wanted, kinds)
    files = tuple(survey.path for survey in surveys)
    assigner = Assigner(
        wanted.split,
        wanted.data.entity_key,
        wanted.data.time_column,
        wanted.data.label,
        only=wanted.only,
        given=given_splits(files, format_, wanted.split) if not wanted.only else {},
        share=wanted.data.share,
    )
    parts = tuple(format_.arrange(part for survey in surveys for part in survey.parts))
    plan = Plan(
        format_.name,
        dict(sorted(kinds.items())),
        parts,
        files,
        label,
        expression,
        assigner,
        deciding=(wanted.data.label, *(expression.names if expression else ()), *wanted.data.column_types),
        split_column=wanted.split.column,
    )
    text = [name for name, kind in plan.kinds.items() if kind is Kind.BYTES and name not in wanted.data.column_types]
    plan = replace(plan, reading=format_.reading, notes=notes({name: why_text(surveys, name) for name in text}))
    if format_.by_class:
        check_class_folders(wanted.data, plan.files, partial=wanted.only is not None)
    plan = replace(plan, images=plan_images(wanted.data, surveys, format_, kinds))
    if kinds.get(wanted.data.label) is not Kind.BYTES:
        return plan
    return replace(plan, class_names=tuple(wanted.data.class_names), class_texts=names_in_data(wanted.data, format_))


def _label(wanted: Wanted, kinds: dict[str, Kind]) -> tuple[str | None, LabelExpression | None]:
    """(the label that every row must have, how it is computed when the data does not hold it)"""
    data = wanted.data
    if data.label in kinds or data.label_expression is None:
        return (None if wanted.only else data.label), None
    expression = parse_label_expression(data.label_expression)
    if wanted.only and not set(expression.names) <= set(kinds):
        return None, None
    numbers = {name for name in expression.names if wanted.known.get(name) in (Kind.INT, Kind.FLOAT)}
    if any(kinds[name] is Kind.BYTES for name in numbers):
        return None, None  # the columns to compute it from are missing; the validator, with the schema, reports it
    return (None if wanted.only else data.label), expression
