"""Loading a configuration, and the messages when it cannot be used."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import SluiceError
from pipeline.config.load import load_environment, load_workload
from pipeline.config.paths import ROOT
from pipeline.config.references import check_references
from tests.samples.configurations import TAXI, refusal


def line_of(text: str, within: str = TAXI) -> int:
    return within[: within.index(text)].count("\n") + 1


def test_reads_the_shipped_taxi_workload():
    config = load_workload("taxi")
    assert config.prediction.withheld_columns() == ["payment_type", "tips"]
    assert config.model.hyperparameters["hidden_units"] == [128]


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_shipped_environments_are_valid_and_only_placeholders(name):
    environment = load_environment(name)
    assert environment.name == name
    assert environment.project == f"my-project-{name}"
    assert environment.bucket.startswith("my-")


def test_unknown_key_names_file_line_nearest_key_and_next_command(taxi_with):
    path = taxi_with("  thresholds:", "  tresholds:")
    error = refusal(path)
    assert error.headline == (
        f"{path}, line {line_of('  thresholds:')}: unknown key `evaluator.tresholds`; did you mean `thresholds`?"
    )
    assert error.next_command == "All keys:  python runners/local_runner.py --explain evaluator"


def test_key_in_the_wrong_section_is_sent_to_the_right_one(taxi_with):
    assert "did you mean `train.batch_size`?" in refusal(taxi_with("name: taxi", "name: taxi\nbatch_size: 5")).headline


def test_misspelt_required_key_is_one_problem_not_two(taxi_with):
    error = refusal(taxi_with("  label: big", "  lable: big"))
    assert "unknown key `data.lable`; did you mean `label`?" in error.headline
    assert "more problem" not in error.headline


def test_says_how_many_problems_follow_the_first(taxi_with):
    path = taxi_with("train:\n  epochs: 10\n  batch_size: 128", "train:\n  epochs: ten\n  batch_size: 0")
    error = refusal(path)
    assert f"line {line_of('  epochs')}: `train.epochs` must be" in error.headline
    assert error.headline.endswith("(1 more problem after this one)")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("epochs: 10", "epochs: ten", "`train.epochs` must be a whole number of at least 1 or null, got 'ten'"),
        ("epochs: 10", "epochs: true", "`train.epochs` must be a whole number of at least 1 or null, got true"),
        ("epochs: 10", "epochs: 1.5", "`train.epochs` must be a whole number of at least 1 or null, got 1.5"),
        ("epochs: 10", "epochs: 0", "`train.epochs` must be a whole number of at least 1 or null, got 0"),
        ("batch_size: 128", "batch_size:", "`train.batch_size` must be a whole number of at least 1, and is empty"),
        ("by: row", "by: rows", "`split.by` must be one of row, entity, time, column, got 'rows'"),
        ("at_least: 0.53", "at_least: .nan", "`evaluator.thresholds.0.at_least` must be a finite number, got nan"),
        ("at_least: 0.53", "at_least: .inf", "`evaluator.thresholds.0.at_least` must be a finite number, got inf"),
        ("slice: {company:", "slice: {5:", "the name 5 under `evaluator.thresholds.2.slice` must be text"),
        ("dropout: 0.5", "dropout: {a: 1}", "must be true or false, a number, text, or a list of these, got a mapping"),
        ("module: models.wide_and_deep", "module: models/wide.py", "must be a dotted module path such as"),
        ("name: taxi", "name: Taxi-1", "`name` must be a name of a-z, 0-9 and _ that starts with a letter"),
        ("split:\n  by: row", "split: row", "`split` must be a section of keys, got 'row'"),
        ("  label: big_tipper\n", "", "the key `data.label` is missing"),
        # Keys that do not go together.
        ("by: row", "by: entity", "`split.by: entity` needs `data.entity_key`"),
        ("by: row", "by: column", "`split.by: column` needs `split.column`"),
        ("by: row", "by: row\n  gap: 5", "`split.gap` goes with `split.by: time`"),
        ("made_at: after_ride", "made_at: later", "`later` is not one of `prediction.moments`"),
        ("payment: [payment_type", "payment: [fare, payment_type", "gives the column fare two moments"),
        ("metric: accuracy,", "metric: recall,", "a threshold names `recall`, which is not in `evaluator.metrics`"),
        ("slice: {company:", "slice: {area:", "the slice [area], which is not in `evaluator.slices`"),
        ("slice: {company:", "slice: {compani:", "is not in `evaluator.slices`; did you mean `company`?"),
        ("metric: accuracy,", "metric: acuracy,", "is not in `evaluator.metrics`; did you mean `accuracy`?"),
        ("accuracy, at_least: 0.70", "accuracy", "the threshold for accuracy sets no limit"),
        ("accuracy, at_least: 0.70", "accuracy, at_least: 0.7, at_most: 0.6", "can never be met"),
        ("metric: accuracy,", "metric: auc,", "judges auc on all rows twice"),
        ("- [company]", "- [company]\n    - [company]", "`evaluator.slices` names [company] twice"),
        # What is not even YAML.
        ('slice: {company: "*"}', "slice: {company: *}", "a value that starts with * needs quotes"),
        ("seed: 7", "seed: 7\n  seed: 8", "the key `train.seed` is given twice (first on line"),
        ("  epochs: 10", "\tepochs: 10", "a tab, or a text that starts with"),
        ("hidden_units: [128]", "hidden_units: [128", "a list in [ ] misses a comma or its closing bracket"),
        ("name: taxi", "name: 'taxi", "a quote is opened and never closed"),
        ("name: taxi", "name: taxi: x", "a colon where none may stand"),
        ("dropout: 0.5", "dropout: no", '`no` may mean true or false or text: write true, false or "no"'),
    ],
)
def test_a_wrong_value_is_refused_in_plain_words_with_a_line(taxi_with, old, new, sentence):
    path = taxi_with(old, new)
    error = refusal(path)
    assert sentence in error.headline
    assert error.headline.startswith(f"{path}, line ")


def test_conflict_points_at_the_offending_threshold(taxi_with):
    path = taxi_with("metric: accuracy,", "metric: recall,")
    assert f", line {line_of('metric: accuracy,')}: " in refusal(path).headline


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", " is empty"),
        (b"# a comment alone\n", " is empty"),
        (b"- a\n- b\n", ", line 1: must be keys with values"),
        (b"just words\n", ", line 1: must be keys with values"),
        (b"\xff\xfe\x00", " is not text in UTF-8"),
        (b"a: &a\n  b: *a\n", ", line 1: an alias that contains itself"),
        (b"a: !!python/object:os.system x\n", ", line 1: the tag"),
        (b"a: 1\n---\nb: 2\n", ", line 2: `---` starts a second document"),
    ],
)
def test_a_file_that_holds_no_configuration_is_refused(tmp_path, content, sentence):
    file = tmp_path / "odd.yaml"
    file.write_bytes(content)
    assert refusal(str(file)).headline.startswith(f"{file}{sentence}")


def test_missing_files_are_named_with_the_command_that_lists_what_there_is(tmp_path):
    assert refusal("taxy").headline == "there is no workload `taxy`; did you mean `taxi`?"
    assert refusal("unheard_of").next_command == "All workloads:  python runners/local_runner.py --list"
    assert refusal(f"{tmp_path}/none.yaml").headline == f"{tmp_path}/none.yaml does not exist"
    assert refusal(f"{tmp_path}/").headline == f"{tmp_path}/ is a folder, not a YAML file"


def test_a_missing_environment_is_refused_with_the_command_that_lists_the_others():
    with pytest.raises(SluiceError, match=r"there is no environment `prd`; did you mean `prod`\?") as refused:
        load_environment("prd")
    label, _, command = refused.value.next_command.partition("  ")
    assert label == "All environments:"
    assert "prod.yaml" in subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout


def test_numbers_and_texts_are_what_they_look_like():
    values = "{rate: 1e-3, big: 1_000, code: 007, day: 2013-12-01, clock: 12:30, yes_text: 'yes', half: .5}"
    read = load_workload("taxi", [f"model.hyperparameters={values}"]).model.hyperparameters
    assert (read["rate"], read["big"], read["half"]) == (0.001, 1000, 0.5)
    assert (read["code"], read["day"], read["clock"], read["yes_text"]) == ("007", "2013-12-01", "12:30", "yes")


def test_merged_mappings_are_read(tmp_path):
    file = tmp_path / "merged.yaml"
    limit = "    - &limit {metric: auc, at_least: 0.53}\n    - {<<: *limit, metric: accuracy}\n"
    start = TAXI.index("    - {metric: auc")
    file.write_text(TAXI[:start] + limit)
    assert [t.at_least for t in load_workload(str(file)).evaluator.thresholds] == [0.53, 0.53]


def test_a_copy_that_keeps_its_name_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("pipeline.config.load.CONFIGS", tmp_path)
    (tmp_path / "mine.yaml").write_text(TAXI)
    assert "`name` is taxi, but the file is mine.yaml" in refusal("mine").headline
    assert load_workload("mine", ["name=mine2"]).name == "mine2"


def test_paths_start_where_they_were_written(taxi_with, tmp_path, monkeypatch):
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    path = taxi_with("source: package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv", "source: rides/*.csv")
    monkeypatch.chdir(elsewhere)
    assert load_workload(path).data.source == str(tmp_path / "rides/*.csv")
    assert load_workload(path, data="mine.csv").data.source == str(elsewhere / "mine.csv")
    assert load_workload(path, ["data.source=mine.csv"]).data.source == str(elsewhere / "mine.csv")
    assert load_workload(path, ["data.source=gs://b/x"]).data.source == "gs://b/x"
    taxi = load_workload("taxi")
    assert taxi.data.source.startswith("package:tfx/")
    assert taxi.schema_file == str(ROOT / "schema/taxi/schema.pbtxt")


def test_modules_and_schema_that_do_not_exist_are_named(tmp_path):
    def headline(*overrides: str) -> str:
        with pytest.raises(SluiceError) as caught:
            check_references(load_workload("taxi", overrides))
        return caught.value.headline

    misspelt = headline("model.module=models.wide_and_dep")
    assert misspelt.startswith("`model.module` names models.wide_and_dep, and there is no such module")
    assert misspelt.endswith("did you mean `models.wide_and_deep`?")
    assert headline("preprocessing.module=nowhere.at_all").startswith("`preprocessing.module` names nowhere.at_all")
    assert "has no `preprocessing_fn`" in headline("preprocessing.module=models.wide_and_deep")
    assert (
        headline(f"schema_file={tmp_path}/s.pbtxt") == f"`schema_file` names {tmp_path}/s.pbtxt, which does not exist"
    )


def test_references_of_the_taxi_workload_exist():
    check_references(load_workload("taxi", ["schema_file=null"]))


def test_reading_a_configuration_imports_no_heavy_library():
    code = (
        "import sys; from pipeline.config.load import load_workload;"
        "from pipeline.config.references import check_references as check;"
        "check(load_workload('taxi', ['schema_file=null']));"
        "print([m for m in ('tensorflow', 'tfx', 'pandas', 'numpy', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_relative_names_of_our_files_are_shown_from_the_repository(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: TAXI.replace("by: row", "by: rows"))
    assert refusal("taxi").headline.startswith(f"configs/taxi.yaml, line {line_of('by: row')}: ")


@pytest.mark.parametrize("key", ["model.module", "preprocessing.module"])
@pytest.mark.parametrize("module", ["models.wide", "nowhere.at_all"])
def test_a_module_that_is_not_there_is_answered_with_a_folder_that_is(key: str, module: str) -> None:
    with pytest.raises(SluiceError, match="there is no such module") as caught:
        check_references(load_workload("taxi", [f"{key}={module}"]))
    assert (ROOT / caught.value.next_command.removeprefix("See:  ls ")).is_dir()


@pytest.mark.parametrize("text", ["name: [taxi", "name: a\nname: b", "- a list", ""])
def test_a_file_that_cannot_be_read_as_yaml_is_answered_with_a_command_that_shows_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    for load in (load_workload, load_environment):
        with pytest.raises(SluiceError) as caught:
            load(str(file))
        assert caught.value.next_command == f"See its lines:  cat -n {file}"


def test_a_value_of_an_option_is_not_said_to_be_of_an_option_that_is_not_there() -> None:
    with pytest.raises(SluiceError) as caught:
        load_environment("dev", ['service_account="me"'])
    assert caught.value.headline.startswith("on the command line: `service_account` must be ")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("{reason: known}", "the key `validator.tolerated.tips.expires` is missing"),
        (
            "{reason: known, expire: 2027-01-01}",
            "unknown key `validator.tolerated.tips.expire`; did you mean `expires`?",
        ),
        (
            "{reason: known, expires: 2027-13-01}",
            "`validator.tolerated.tips.expires` must be a day as YYYY-MM-DD, got '2027-13-01'",
        ),
        ("5", "`validator.tolerated.tips` must be text or a section of keys, got 5"),
    ],
)
def test_what_is_wrong_in_a_section_that_may_also_be_text_is_said_of_the_section(given: str, sentence: str) -> None:
    with pytest.raises(SluiceError) as caught:
        load_workload("taxi", [f"validator.tolerated={{tips: {given}}}"])
    assert caught.value.headline.endswith(f": {sentence}")
