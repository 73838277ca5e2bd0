"""The section `gates` and what else of a workload the command reads: typed, or refused with the line and what was
meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ExitCode, SluiceError
from gates.verdict.catalogue import Gate, checks
from gates.workload import read_workload, settings_of
from pipeline.config.load import load_workload
from pipeline.config.paths import CONFIGS

NAME = next(iter(checks(Gate.DATA))).name


def workload(tmp_path: Path, text: str):
    path = tmp_path / "w.yaml"
    path.write_text(text)
    return read_workload(str(path))


def test_settings_are_read_as_the_pipeline_reads_them(tmp_path: Path) -> None:
    read = workload(
        tmp_path,
        f"""\
data: {{label: y, entity_key: who, time_column: when, label_expression: tips > 0, column_types: {{zip: string}}}}
split: {{by: entity}}
gates:
  strict: true
  latency_ms: 50
  checks:
    {NAME}: {{threshold: 0.5, severity: warn, waive: {{reason: Agreed., expires: 2027-01-31, subjects: [a]}}}}
model: {{nonsense: 1}}
""",
    )
    assert (read.label, read.entity, read.time, read.split_by) == ("y", "who", "when", "entity")
    assert read.column_types == {"zip": "string"}
    assert read.settings.strict
    configured = read.settings.checks[NAME]
    assert (configured.threshold, configured.severity, configured.enabled) == (0.5, "warn", True)
    assert configured.waive is not None
    assert (str(configured.waive.expires), configured.waive.subjects) == ("2027-01-31", ["a"])


def test_withheld_columns_are_those_of_the_pipeline() -> None:
    files = sorted(CONFIGS.glob("*.yaml"))
    assert files
    for file in files:
        mine, pipelines = read_workload(str(file)), load_workload(str(file))
        assert sorted(mine.withheld) == pipelines.prediction.withheld_columns()
        assert (mine.label, mine.label_expression) == (pipelines.data.label, pipelines.data.label_expression)
        assert mine.column_types == pipelines.data.column_types
        assert (mine.entity, mine.time) == (pipelines.data.entity_key, pipelines.data.time_column)
        assert mine.split_by in (None, pipelines.split.by)
        assert mine.settings.checks == pipelines.gates.checks


def test_columns_known_too_late_keep_their_moment(tmp_path: Path) -> None:
    read = workload(
        tmp_path,
        "prediction: {moments: [a, b, c], made_at: b, known_from: {a: [x], b: [y], c: [z]}, never: [w]}\n",
    )
    assert (read.withheld, dict(read.known_after), read.moments_declared) == ({"w", "z"}, {"z": "c"}, True)
    assert not workload(tmp_path, "data: {label: y}\n").moments_declared


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gates: {strict: 1}", r"line 1: `gates\.strict` must be true or false, got 1"),
        ("gates:\n  chekcs: {}", r"line 2: unknown key `gates\.chekcs`; did you mean `checks`\?"),
        (f"gates:\n  checks:\n    {NAME}: {{treshold: 1}}", r"line 3: unknown key .*did you mean `threshold`\?"),
        (f"gates:\n  checks:\n    {NAME}x: {{}}", rf"line 3: there is no check `{NAME}x`; did you mean `{NAME}`\?"),
        ("gates:\n  checks:\n    zzzzzz: {}",
         r"line 3: there is no check `zzzzzz`; `python -m gates list` names them all\.(\n|$)"),
        (f"gates:\n  checks:\n    {NAME}: {{threshold: -1}}", r"must be a number of at least 0, got -1"),
        (f"gates:\n  checks:\n    {NAME}: {{severity: loud}}", r"must be one of 'warn' or 'block', got 'loud'"),
        (f"gates:\n  checks:\n    {NAME}:\n      waive: {{reason: Soon., expires: 31.12.2026}}",
         r"line 4: `gates\.checks\..*\.waive\.expires` must be a day as YYYY-MM-DD, got '31\.12\.2026'"),
        (f"gates:\n  checks:\n    {NAME}: {{waive: {{expires: 2027-01-01}}}}",
         r"the key `gates.*waive\.reason` is missing"),
        (f"gates:\n  checks:\n    {NAME}: {{waive: {{reason: '', expires: 2027-01-01}}}}", r"text that is not empty"),
        ("gates: [1]", r"line 1: `gates` must be a section of keys"),
        ("gates:\n  checks: [1]", r"line 2: `gates\.checks` must be a section of keys"),
        ("data: {label: 3}", r"`data\.label` must be text, got 3"),
        ("data: {label: [a, b}", r"line 1: a list in \[ \] misses a comma"),
        ("a: 1\na: 2", r"the key `a` is given twice"),
        ("", r"is empty"),
        ("data:\n  column_types: {zip: text}",
         r"line 2: `data\.column_types` must be columns, each with one of int, float, string, got"),
        ("data:\n  column_types: zip", r"line 2: `data\.column_types` must be columns"),
        ("data: {colum_types: {}}", r"unknown key `data\.colum_types`; did you mean `column_types`\?"),
        ("prediction: {made_at: never}", r"`never` is not one of `prediction\.moments` \(request, outcome\)"),
        ("prediction: {known_from: {soon: [x]}}", r"`soon` is not one of `prediction\.moments`"),
        ("prediction: {never: x}", r"`prediction\.never` must be a list of names, got 'x'"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SluiceError, match=sentence) as refused:
        workload(tmp_path, text)
    assert refused.value.exit_code is ExitCode.UNUSABLE
    assert "w.yaml" in refused.value.headline
    assert "\n" not in refused.value.headline


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(SluiceError, match=r"gone\.yaml does not exist"):
        read_workload("gone.yaml")


def test_settings_given_in_python_are_refused_in_the_same_words() -> None:
    with pytest.raises(SluiceError, match=rf"there is no check `{NAME}s`; did you mean `{NAME}`\?"):
        settings_of({"checks": {f"{NAME}s": {}}})
