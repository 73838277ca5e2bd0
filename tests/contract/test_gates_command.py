"""The contract of `python -m gates`: exit codes, one sentence on standard error, JSON whole or not at all."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from gates.verdict.catalogue import checks
from sources.tfrecord import frame_records
from tests.samples.folders import ROOT
from tests.samples.light import IS_LIGHT, needs_pipeline

FINDING_KEYS = {"check", "subject", "statistic", "value", "threshold", "n", "p_value", "severity", "reason", "remedy"}
REPORT_KEYS = {"gate", "verdict", "findings", "checks_run", "checks_skipped", "seconds"}


def gates(*words: object, program: tuple[str, ...] = ("-m", "gates"), **environment: str):
    return subprocess.run(
        [sys.executable, *program, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        env={**os.environ, **environment},
    )


def refusal(*words: object) -> str:
    """The one sentence of a refusal, with the next command."""
    ended = gates(*words)
    assert ended.returncode == 3, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.rstrip("\n").split("\n")
    assert len(lines) == 2, lines
    assert lines[0].startswith("sluice: ")
    assert re.match(r" {8}\S.*:  \S", lines[1])
    return ended.stderr


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Taxi rows: train, an honest eval, one with copies of train, and both as TFRecords."""
    spec = importlib.util.find_spec("tfx")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "examples/chicago_taxi_pipeline/data/simple/data.csv"
    rows = pd.read_csv(path).sample(3000, random_state=8)
    folder = tmp_path_factory.mktemp("tables")
    tables = {"train": rows[:2400], "eval": rows[2400:], "copied": pd.concat([rows[2400:], rows[:60]])}
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
        numbers = table.select_dtypes("number")
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(
                    [[] if value != value else [value] for value in numbers[column].tolist()],
                    pa.large_list(pa.int64() if numbers[column].dtype == "int64" else pa.float32()),
                )
                for column in numbers
            ],
            list(numbers),
        )
        if not IS_LIGHT:
            from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

            (folder / f"{name}.tfrecord").write_bytes(frame_records(RecordBatchToExamplesEncoder().encode(batch)))
    return folder


def test_nothing_blocks_on_clean_rows_with_the_workload(data: Path) -> None:
    ended = gates("check", "--train", data / "train.csv", "--eval", data / "eval.csv", "--config", "configs/taxi.yaml")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    assert re.search(r"^\d+ checks run, \d+ skipped \(why: --verbose\)$", ended.stdout, re.MULTILINE)
    assert re.search(r"^(PASS|INCONCLUSIVE)  nothing blocks.* · \d+\.\d s$", ended.stdout, re.MULTILINE)


def test_copied_rows_are_refused_with_reason_and_remedy(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    words = ("--train", data / "train.csv", "--eval", data / "copied.csv", "--config", "configs/taxi.yaml")
    ended = gates("check", *words, "--json", out)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "FAIL  refused" in ended.stdout
    assert "→ " in ended.stdout
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report.keys() >= REPORT_KEYS
    assert (report["gate"], report["verdict"]) == ("data_gate", "fail")
    for finding in report["findings"]:
        assert finding.keys() >= FINDING_KEYS
        assert finding["severity"] in {"info", "warn", "block"}
    blocking = [finding for finding in report["findings"] if finding["severity"] == "block"]
    assert {finding["subject"] for finding in blocking} == {"eval"}
    assert {each["check"] for each in report["checks_skipped"]}.isdisjoint(report["checks_run"])
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_json_on_standard_output_is_json_alone(data: Path) -> None:
    ended = gates(
        "check", "--train", data / "train.csv", "--eval", data / "eval.csv", "--label", "trip_start_day", "--json", "-"
    )
    assert json.loads(ended.stdout).keys() >= REPORT_KEYS
    assert "checks run" in ended.stderr


def test_a_refused_input_leaves_no_json(data: Path, tmp_path: Path) -> None:
    refusal("check", "--train", data / "train.csv", "--label", "nonsense", "--json", tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == []


def test_verbose_shows_why_checks_were_skipped(data: Path) -> None:
    ended = gates("check", "--train", data / "train.csv", "--label", "tips", "--verbose")
    assert re.search(r"^  \w+: no eval or test split was given$", ended.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--label", "tps"), r"train has no column `tps`; did you mean `tips`\?"),
        (("--entity", "compny"), r"did you mean `company`\?"),
        (("--time", "trip_start"), r"train has no column `trip_start`; did you mean `trip_start_"),
        (("--eval", "gone.csv"), r"gone\.csv does not exist"),
        (("--config", "configs/taxy.yaml"), r"configs/taxy\.yaml does not exist"),
        (("--json", "no/such/folder/report.json"), r"--json no/such/folder/report\.json cannot be written"),
        (("--labl", "tips"), r"[Nn]o such option.*--labl"),
    ],
)
def test_wrong_use_is_one_sentence(data: Path, words: tuple[str, ...], sentence: str) -> None:
    assert re.search(sentence, refusal("check", "--train", data / "train.csv", *words))


def test_a_missing_train_and_an_unknown_command_are_one_sentence() -> None:
    assert "--train" in refusal("check")
    assert "chek" in refusal("chek")


@pytest.mark.parametrize(
    ("configured", "sentence"),
    [
        ("gates: {checks: {CHECKx: {}}}", r"line 1: there is no check `CHECKx`; did you mean `CHECK`\?"),
        ("gates: {checks: {CHECK: {waive: {reason: Soon., expires: tomorrow}}}}", r"must be a day as YYYY-MM-DD"),
        ("gates: {strict: maybe}", r"`gates\.strict` must be true or false"),
        ("- 1", r"must be keys with values"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_one_sentence(
    data: Path, tmp_path: Path, configured: str, sentence: str
) -> None:
    name = next(iter(checks())).name
    config = tmp_path / "w.yaml"
    config.write_text(configured.replace("CHECK", name))
    message = refusal("check", "--train", data / "train.csv", "--label", "tips", "--config", config)
    assert re.search(sentence.replace("CHECK", name), message)


def test_options_go_over_the_configuration(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "w.yaml"
    config.write_text("data: {label: nonsense, time_column: nonsense}\n")
    words = ("--label", "tips", "--time", "trip_start_timestamp")
    ended = gates("check", "--train", data / "train.csv", "--config", config, *words)
    assert ended.returncode in (0, 2), ended.stderr


def test_list_names_every_check(data: Path) -> None:
    names = [check.name for check in checks()]
    listed = json.loads(gates("list", "--json").stdout)
    assert [each["check"] for each in listed] == names
    assert {"check", "catches", "statistic", "margin", "source"} <= listed[0].keys()
    table = gates("list").stdout
    assert [name for name in names if name not in table] == []
    assert gates("list", "--markdown").stdout.startswith("<!--")


def test_describe_shows_what_the_columns_hold(data: Path) -> None:
    words = ("--data", data / "train.csv", "--label", "payment_type", "--time", "trip_start_timestamp")
    output = gates("describe", *words).stdout
    assert re.search(r"^2,400 rows, 18 columns$", output, re.MULTILINE)
    assert re.search(r"^company +category +3\d\.\d% +\d+ +Taxi", output, re.MULTILINE)
    assert re.search(r"^label payment_type  Cash: \d\d\.\d%, Credit Card", output, re.MULTILINE)
    assert re.search(r"^time trip_start_timestamp  2013-01-\d\d .* to 2016-12-\d\d", output, re.MULTILINE)
    plain = json.loads(gates("describe", *words, "--json").stdout)
    assert (plain["rows"], len(plain["columns"])) == (2400, 18)
    assert "did you mean `tips`" in refusal("describe", "--data", data / "train.csv", "--label", "tps")


@pytest.mark.parametrize("suffix", ["csv", pytest.param("tfrecord", marks=needs_pipeline)])
def test_neither_tensorflow_nor_tfx_is_imported(data: Path, suffix: str) -> None:
    program = (
        "import sys; from gates.command.app import main\n"
        "try: main()\n"
        "finally: print(sorted({name.split('.')[0] for name in sys.modules} & "
        "{'tensorflow', 'tfx', 'keras', 'apache_beam', 'pipeline', 'runners', 'tensorflow_data_validation'}))"
    )
    tables = ("--train", data / f"train.{suffix}", "--eval", data / f"eval.{suffix}", "--label", "tips")
    ended = gates("check", *tables, program=("-c", program))
    assert ended.returncode in (0, 2), ended.stderr
    assert ended.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_name_that_the_encoding_of_the_terminal_lacks_ends_no_command(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "ta😀.csv"
    path.write_text("größe😀,label\n" + "".join(f"東京{i % 7},{i % 2}\n" for i in range(60)), encoding="utf-8")
    for words in (("describe", "--data", path), ("check", "--train", path, "--label", "label")):
        ended = gates(*words, PYTHONIOENCODING=encoding)
        assert ended.returncode in (0, 2), ended.stderr
        assert "Traceback" not in ended.stderr
    assert r"\U0001f600" in gates("describe", "--data", path, PYTHONIOENCODING=encoding).stdout


@pytest.mark.parametrize("words", [("list",), ("--help",), ("check", "--help")])
def test_starts_in_under_two_seconds(words: tuple[str, ...]) -> None:
    # Processor time: the machine may be busy with something else.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert gates(*words).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2.0
