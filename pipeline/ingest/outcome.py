"""Judges the result of an ingest: the facts of a good run, or one sentence that refuses it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from core.errors import SluiceError
from pipeline.ingest.label_values import LabelValues, check_label_values
from pipeline.ingest.plan import Wanted
from sources.kinds import Kind
from sources.storage import base_name


def check_outcome(summary: dict[str, Any], wanted: Wanted, rejects_file: str | None) -> None:
    """Refuses too many unusable rows, then a label that is no class, then an empty split. `rejects_file`: the file of
    the unusable rows.

    Raises:
      SluiceError: when too many rows are unusable, the label is no class, a split is empty, or a worker found an
        error that ends the run.
    """
    if summary["problem"]:
        raise SluiceError(*summary["problem"])
    unusable, assigned = summary["unusable"], sum(summary["rows"].values())
    total = unusable + assigned + summary["left_out"] + summary["not_shared"]
    allowed = wanted.data.max_unusable_share
    if unusable > allowed * total:
        raise SluiceError(_too_many(summary, unusable, total, allowed, rejects_file), f"See them:  head {rejects_file}")
    if wanted.classes is not None and wanted.only is None:
        label = wanted.data.label
        kind = Kind(summary["kinds"].get(label, Kind.INT))
        check_label_values(LabelValues(**summary["labels"]), kind, wanted.data, wanted.classes)
    for split, rows in summary["rows"].items():
        if not rows:
            raise SluiceError(*_empty_split(split, summary, wanted))


def _too_many(summary: dict[str, Any], unusable: int, total: int, allowed: float, rejects_file: str | None) -> str:
    first = summary["first_reject"]
    return (
        f"{unusable:,} of {total:,} rows cannot be used ({unusable / total:.3%}; data.max_unusable_share allows "
        f"{allowed:.3%}): the first is in {base_name(first['file'])}, line {first['line']}: {first['reason']}; "
        f"all are put aside in {rejects_file}."
    )


def _empty_split(split: str, summary: dict[str, Any], wanted: Wanted) -> tuple[str, str]:
    others = ", ".join(f"{name} {rows:,}" for name, rows in summary["rows"].items() if name != split)
    if wanted.only:
        return f"no row is left for {split}.", ""
    by = wanted.split.by
    if by == "time":
        first, last = summary["seen"]
        text = summary["kinds"].get(wanted.data.time_column) == Kind.BYTES
        gap = f", and {summary['left_out']:,} rows fall into the gap of {wanted.split.gap:g}" * bool(
            summary["left_out"]
        )
        return (
            f"{split} is empty ({others}): `{wanted.data.time_column}` reaches from {_instant(first, text)} to "
            f"{_instant(last, text)}{gap}.",
            "Give other weights or a smaller gap:  --set split.gap=0",
        )
    if summary["not_shared"]:
        left = f"{summary['not_shared']:,} rows are left out by data.share = {wanted.data.share:g}"
        return f"{split} is empty ({others}): {left}.", "Use more of them:  --set data.share=1"
    if split == "test" and wanted.split.test_files is not None:
        return f"{split} is empty ({others}): no row of the files that split.test_files names can be used.", ""
    why = {
        "row": "there are too few rows for its weight",
        "entity": f"there are too few different values of `{wanted.data.entity_key}` for its weight",
        "column": f"no row has `{split}` in `{wanted.split.column}`",
    }[by]
    return f"{split} is empty ({others}): {why}.", f"Give it more weight:  --set split.{split}=0.3"


def _instant(value: float, text: bool) -> str:
    if text:
        return datetime.fromtimestamp(value, timezone.utc).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def rejects_beside(uri: str) -> str:
    """The folder for the unusable rows of a refused run: the artifact's own folder is removed, this one stays."""
    execution = base_name(uri)
    component = uri.rstrip("/").rsplit("/", 2)[0]
    return f"{component}/unusable_rows-{execution}.jsonl"
