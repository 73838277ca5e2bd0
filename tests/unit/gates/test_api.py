"""`gates.check` on tables of any library: the same report for any order of rows, library, files and threads."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import uuid
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import gates
from core.errors import SluiceError
from gates.verdict.finding import GateReport, Severity, Verdict
from tests.samples.folders import ROOT


@pytest.fixture(scope="module")
def taxi() -> pd.DataFrame:
    spec = importlib.util.find_spec("tfx")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "examples/chicago_taxi_pipeline/data/simple/data.csv"
    rows = pd.read_csv(path).sample(3000, random_state=5).reset_index(drop=True)
    # `tips` and `payment_type` give the label away: an answer without findings would prove little.
    return rows.assign(big_tipper=(rows["tips"] > 0.2 * rows["fare"]).astype(int)).drop(columns="tips")


@pytest.fixture(scope="module")
def splits(taxi: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A tenth of eval is also in train."""
    train, other = taxi[:2400], taxi[2400:]
    return train, pd.concat([other, train[:60]])


@pytest.fixture(scope="module")
def report(splits: tuple[pd.DataFrame, pd.DataFrame]) -> GateReport:
    return answer(*splits)


def answer(*tables: object, **more: object) -> GateReport:
    return replace(gates.check(*tables, label="big_tipper", **more), seconds=0.0)


def test_refuses_copied_rows_and_names_the_split(report: GateReport) -> None:
    assert report.verdict is Verdict.FAIL
    assert "eval" in {finding.subject for finding in report.of(Severity.BLOCK)}
    assert GateReport.loads(report.dumps()).to_json() == report.to_json()


def test_the_answer_does_not_depend_on_the_order_of_rows(splits, report) -> None:
    assert answer(*(table.sample(frac=1, random_state=11) for table in splits)) == report


def test_the_answer_does_not_depend_on_the_order_of_columns(splits, report) -> None:
    assert answer(*(table[sorted(table, reverse=True)] for table in splits)) == report


def test_the_answer_does_not_depend_on_library_or_chunks(splits, report, tmp_path: Path) -> None:
    arrow = [pa.Table.from_pandas(table, preserve_index=False) for table in splits]
    assert answer(*arrow) == report
    chunked = [pa.concat_tables([each[:7], each[7:900], each[900:]]) for each in arrow]
    assert answer(*chunked) == report
    columns = [{name: table[name].to_numpy() for name in table} for table in splits]
    assert answer(*columns) == report


def test_the_answer_does_not_depend_on_files_and_their_order(splits, tmp_path: Path) -> None:
    train, other = splits
    other.to_csv(tmp_path / "eval.csv", index=False)
    answers = []
    for folder, names in (("one", "ab"), ("two", "ba")):
        (tmp_path / folder).mkdir()
        for name, part in zip(names, (train[:1000], train[1000:]), strict=True):
            part.to_csv(tmp_path / folder / f"{name}.csv", index=False)
        answers.append(answer(tmp_path / folder, tmp_path / "eval.csv"))
    train.to_csv(tmp_path / "train.csv", index=False)
    answers.append(answer(tmp_path / "train.csv", tmp_path / "eval.csv"))
    assert answers[0] == answers[1] == answers[2]


def test_the_answer_does_not_depend_on_the_number_of_threads(splits, tmp_path: Path) -> None:
    for name, table in zip(("train", "eval"), splits, strict=True):
        table.to_parquet(tmp_path / f"{name}.parquet")
    program = (
        "import sys, gates; from dataclasses import replace; "
        "r = gates.check(sys.argv[1], sys.argv[2], label='big_tipper'); print(replace(r, seconds=0.0).dumps())"
    )
    answers = set()
    for threads in ("1", "2"):
        environment = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PATH": ""}
        answers.add(
            subprocess.run(
                [sys.executable, "-c", program, tmp_path / "train.parquet", tmp_path / "eval.parquet"],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    assert len(answers) == 1


def test_waivers_let_pass_what_they_name_and_expire(splits, report: GateReport) -> None:
    blocking = {finding.check for finding in report.of(Severity.BLOCK)}
    for expires, verdict in (("2999-01-01", Verdict.PASS), ("2020-01-01", Verdict.FAIL)):
        waive = {"waive": {"reason": "A rehearsal.", "expires": expires}}
        waived = answer(*splits, settings={"checks": dict.fromkeys(blocking, waive)})
        assert waived.blessed is (verdict is Verdict.PASS)
        reasons = [f.reason for f in waived.findings if f.check in blocking and f.severity is not Severity.INFO]
        assert all(("Waived until 2999" if waived.blessed else "expired on 2020") in reason for reason in reasons)


def test_a_changed_threshold_and_a_check_switched_off_are_used(splits, report: GateReport) -> None:
    check = next(finding.check for finding in report.of(Severity.BLOCK) if finding.subject == "eval")
    raised = answer(*splits, settings={"checks": {check: {"threshold": 0.99}}})
    assert check not in {finding.check for finding in raised.of(Severity.BLOCK)}
    assert {finding.threshold for finding in raised.findings if finding.check == check} == {0.99}
    off = answer(*splits, settings={"checks": {check: {"enabled": False}}})
    assert check not in off.checks_run
    assert {each.why for each in off.checks_skipped if each.check == check} == {
        "switched off in the configuration (gates.checks)"
    }


def test_train_alone_is_searched_for_leakage(splits) -> None:
    alone = answer(splits[0])
    assert alone.checks_run
    assert set(alone.checks_run) < set(answer(*splits).checks_run)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"label": "big_tiper"}, r"train has no column `big_tiper`; did you mean `big_tipper`\?"),
        ({"label": "big_tipper", "entity": "compny"}, r"no column `compny`; did you mean `company`\?"),
        ({"label": "big_tipper", "time": "zzz"}, r"train has no column `zzz`, which was given as the time"),
    ],
)
def test_a_column_that_is_not_there_is_refused_with_what_was_meant(splits, words, sentence: str) -> None:
    with pytest.raises(SluiceError, match=sentence):
        gates.check(*splits, **words)


def test_a_label_is_computed_as_the_pipeline_does(taxi: pd.DataFrame, tmp_path: Path) -> None:
    from gates.api import data_of
    from gates.workload import Workload

    rows = taxi.drop(columns="big_tipper").assign(tips=np.linspace(0, 5, len(taxi)).round(2))
    rows.loc[3, "tips"] = np.nan
    data = data_of({"train": rows}, Workload(label="y", label_expression="tips > 0.2 * fare"))
    computed = data.train.numbers("y")
    expected = (rows["tips"] > 0.2 * rows["fare"]).astype(float).where(rows["tips"].notna())
    assert np.nansum(computed) == expected.sum()
    assert np.isnan(computed).sum() == 1


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y", "%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M:%S UTC"]
)
@pytest.mark.parametrize("as_lists", [False, True])
def test_times_as_text_are_numbers(form: str, as_lists: bool) -> None:
    from gates.api import data_of
    from gates.workload import Workload

    days = [datetime(2013, 1, day, tzinfo=timezone.utc) for day in (1, 2, 31)]
    texts = [*(day.strftime(form) for day in days), None]
    column = pa.array([[text] if text else [] for text in texts] if as_lists else texts)
    found = data_of({"train": pa.table({"t": column})}, Workload(time="t")).train.numbers("t")
    assert np.array_equal(np.sort(found), [*(day.timestamp() for day in days), np.nan], equal_nan=True)


def test_a_time_that_cannot_be_read_is_refused_with_the_value_and_the_forms() -> None:
    good, bad = ["2013-01-01", "2013-01-02"], ["2013-02-01", "31/12/2013"]
    sentence = r"`t`, which was given as the time, holds `31/12/2013` in eval, .* \(1 of 2 rows\)"
    with pytest.raises(SluiceError, match=sentence) as refused:
        gates.check({"t": good, "x": [1, 2]}, {"t": bad, "x": [1, 2]}, time="t")
    assert "Write times as 2013-12-31T23:59:59, 31.12.2013 23:59 or 12/31/2013." in str(refused.value)


def test_an_entity_key_of_sixteen_bytes_is_a_key_and_no_image() -> None:
    keys = [uuid.UUID(int=place, version=4).bytes for place in range(300)]
    train = pa.table({"id": pa.array(keys[:200], pa.binary(16)), "x": range(200)})
    test = pa.table({"id": pa.array(keys[150:300], pa.binary(16)), "x": range(150)})
    report = gates.check(train, test=test, entity="id")
    [found] = [each for each in report.findings if each.check == "entity_overlap"]
    assert found.severity is Severity.BLOCK
    assert "50 of 150 values of id" in found.reason


def test_an_entity_with_several_values_in_a_row_is_refused() -> None:
    with pytest.raises(SluiceError, match="`id`, which was given as the entity, has several values in a row of train"):
        gates.check(pa.table({"id": [[1, 2], [3]], "x": [1, 2]}), entity="id")


def test_later_days_in_a_column_of_times_are_no_new_categories() -> None:
    rng = np.random.default_rng(3)
    sides = {}
    for side, first in (("train", 0), ("serving", 20)):
        days = [f"2021-03-{day:02}" for day in first // 2 + 1 + rng.integers(0, 10, 2000)]
        kinds = rng.choice(["a", "b"] if side == "train" else ["a", "b", "c"], 2000)
        sides[side] = {"day": days, "kind": kinds.tolist(), "x": rng.normal(size=2000)}
    report = gates.check(sides["train"], serving=sides["serving"])
    assert {each.subject for each in report.findings if each.check == "new_categories"} == {"kind in serving"}


def test_importing_gates_is_cheap() -> None:
    program = "import sys, gates; print({'numpy', 'pyarrow', 'pydantic'} & set(sys.modules))"
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "set()"


@pytest.mark.parametrize("word", ["label", "entity", "time"])
def test_an_empty_word_is_refused_and_not_left_out(splits, word: str) -> None:
    with pytest.raises(SluiceError, match=f"{word} is empty"):
        gates.check(*splits, **{word: ""})


def test_a_label_without_values_is_refused(splits) -> None:
    train, held_out = splits
    with pytest.raises(SluiceError, match="no value in any row"):
        gates.check(train.assign(big_tipper=None), held_out, label="big_tipper")


def test_a_held_out_table_without_labels_is_refused(splits) -> None:
    train, held_out = splits
    for lost in (held_out.assign(big_tipper=None), held_out.rename(columns={"big_tipper": "Big_Tipper"})):
        found = gates.check(train, lost, label="big_tipper").of(Severity.BLOCK)
        assert "label_shift" in {finding.check for finding in found}


@pytest.mark.parametrize(
    ("yaml", "sentence"),
    [
        ("split: {by: entiy}", "`split.by` must be one of"),
        ("data: {lable: big_tipper}", "did you mean `label`"),
        ("gate: {strict: true}", "did you mean `gates`"),
        ("prediction: {known_form: {outcome: [fare]}}", "did you mean `known_from`"),
        ("prediction: {never: [companyy]}", "did you mean `company`"),
        ("data: {column_types: {companyy: string}}", "column_types names `companyy`.*did you mean `company`"),
    ],
)
def test_a_slip_of_the_pen_in_the_configuration_is_refused(splits, tmp_path: Path, yaml: str, sentence: str) -> None:
    (tmp_path / "w.yaml").write_text(yaml + "\n")
    with pytest.raises(SluiceError, match=sentence):
        gates.check(*splits, label="big_tipper", config=tmp_path / "w.yaml")


def test_strict_refuses_in_doubt_because_no_check_ran() -> None:
    one = pd.DataFrame({"x": [1.0], "label": [1]})
    assert gates.check(one, label="label").blessed
    assert not gates.check(one, label="label", strict=True).blessed


def test_lost_leading_zeros_are_one_line_of_the_answer_until_the_type_is_named(tmp_path: Path) -> None:
    codes = "".join(f"0{number},{number % 7}\n" for number in range(1000, 1200))
    for side in ("train", "eval"):
        (tmp_path / f"{side}.csv").write_text(f"zip,other\n{codes}")
    (tmp_path / "work.yaml").write_text("data: {column_types: {zip: string}}\n")
    command = [sys.executable, "-m", "gates", "check", "--train", "train.csv", "--eval", "eval.csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def answer(*more: str) -> str:
        return subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, env=environment).stdout

    assert answer().count("`zip` (01000): leading zeros and + are lost") == 1
    assert "leading zeros" not in answer("--config", "work.yaml")


def test_the_time_that_is_named_does_not_depend_on_the_order_of_rows() -> None:
    texts = ["soon", "later", "2013-01-01", "never"]
    sentences = set()
    for order in (texts, texts[::-1]):
        with pytest.raises(SluiceError) as refused:
            gates.check({"t": order, "x": [1, 2, 3, 4]}, time="t")
        sentences.add(str(refused.value))
    assert len(sentences) == 1


def _beyond_doubt(report: gates.GateReport, check: str) -> list[str]:
    return [f.reason for f in report.of(Severity.BLOCK) if f.check == check]


@pytest.mark.parametrize(
    ("declared", "lost", "check", "words"),
    [
        ({"entity": "taxi"}, ["taxi"], "entity_overlap", "without the entity key"),
        ({"entity": "taxi"}, [], "entity_overlap", "without the entity key"),
        ({"time": "day"}, ["day"], "time_order", "has no time in day"),
        ({"time": "day"}, [], "time_order", "has no time in day"),
    ],
)
def test_what_is_declared_and_cannot_be_used_blocks_under_strict_and_is_no_pass_without(
    declared: dict[str, str], lost: list[str], check: str, words: str
) -> None:
    """`lost`: the columns that test lacks; else it has the declared one without any value."""
    train = pd.DataFrame({"taxi": range(100), "day": range(100), "x": range(100)})
    sound = pd.DataFrame({"taxi": range(100, 140), "day": range(100, 140), "x": range(40)})
    test = sound.drop(columns=lost) if lost else sound.assign(**dict.fromkeys(declared.values()))
    strict = _beyond_doubt(gates.check(train, sound, test, strict=True, **declared), check)
    assert any(words in reason for reason in strict)
    assert gates.check(train, sound, test, **declared).verdict is not Verdict.PASS


def test_a_key_of_several_values_a_row_is_refused() -> None:
    train = pd.DataFrame({"taxi": [["a", "b"]] * 40, "x": range(40)})
    with pytest.raises(SluiceError, match="several values"):
        gates.check(train, train, entity="taxi")


def test_a_withheld_name_that_no_column_has_blocks_under_strict(splits, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("prediction: {never: [surcharge_code]}\n")
    given = {"label": "big_tipper", "config": tmp_path / "w.yaml"}
    assert any(
        "surcharge_code" in each for each in _beyond_doubt(gates.check(*splits, strict=True, **given), "known_too_late")
    )
    assert not _beyond_doubt(gates.check(*splits, **given), "known_too_late")


def test_a_withheld_name_that_a_table_may_lack_is_not_refused(splits, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        "data: {ignore_columns: [tips]}\nprediction: {never: [tips]}\nsplit: {by: column, column: fares}\n"
    )
    report = gates.check(*splits, strict=True, label="big_tipper", config=tmp_path / "w.yaml")
    assert not _beyond_doubt(report, "known_too_late")
    assert any("`fares` (`split.column`) is no column of train; did you mean `fare`?" in each for each in report.notes)


def test_without_a_label_the_answer_says_that_leakage_was_not_looked_at(splits) -> None:
    assert any("leakage of the label was not looked at" in note for note in gates.check(*splits).notes)
    assert not any("leakage" in note for note in gates.check(*splits, label="big_tipper").notes)


def _wide(rows: int, seed: int) -> pd.DataFrame:
    """A hundred numbered columns of which the first is a copy of the label with a few wrong values, and the label."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 100)), columns=[f"f{i}" for i in range(100)])
    label = (frame["f7"] + rng.normal(size=rows) > 0).astype(int)
    return frame.assign(f0=np.where(rng.random(rows) < 0.02, 1 - label, label), y=label)


def test_numbered_columns_stay_columns_unless_declared_and_a_note_proposes_it() -> None:
    report = gates.check(_wide(2_000, 0), _wide(500, 1), label="y")
    assert ("single_feature", "f0") in {(each.check, each.subject) for each in report.of(Severity.BLOCK)}
    assert any("`f0` … `f99`: 100 columns" in note and "--image f" in note for note in report.notes)


def test_a_label_among_numbered_columns_is_found() -> None:
    train = _wide(2_000, 0).rename(columns={"y": "f100"}).drop(columns="f99")
    report = gates.check(train, label="f100")
    assert "single_feature" in report.checks_run
    declared = gates.check(train, label="f100", image="f")
    assert "single_feature" not in {each.check for each in declared.findings if each.subject == "f0"}
    assert "no column holds images" not in {each.why for each in declared.checks_skipped}


def test_declared_columns_are_one_image() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits(as_frame=True).frame.sample(frac=1, random_state=0)
    report = gates.check(digits[:1_200], digits[1_200:], label="target", image="pixel")
    assert "image_distribution" in report.checks_run and report.blessed
    assert not report.notes


@pytest.mark.parametrize(
    ("image", "sentence"), [("f0", "no columns `f01`, `f02`"), ("ff", "did you mean `f`?"), (" ", "image is empty")]
)
def test_refuses_an_image_that_no_columns_hold(image: str, sentence: str) -> None:
    with pytest.raises(SluiceError) as refused:
        gates.check(_wide(100, 0), label="y", image=[image])
    assert sentence in refused.value.headline


def test_the_kind_of_the_label_is_as_declared() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=900), "y": [i % 25 + 1990 for i in range(900)]})
    assert any("--label-kind classes" in note for note in gates.check(frame, label="y").notes)
    assert gates.check(frame, label="y", label_kind="classes").notes == ()
    with pytest.raises(SluiceError, match="holds no numbers"):
        gates.check(frame.assign(y="a"), label="y", label_kind="quantity")


def test_a_serving_log_without_labels_is_no_doubt_under_strict() -> None:
    rng = np.random.default_rng(0)
    train, log = (pd.DataFrame({"x": rng.normal(size=rows)}) for rows in (4_000, 4_000))
    report = gates.check(train.assign(y=rng.integers(0, 2, 4_000)), serving=log, label="y", strict=True)
    assert "label_shift" not in {each.check for each in report.findings}
