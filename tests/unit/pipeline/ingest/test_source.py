"""The files that a workload reads, and their fingerprint."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import SluiceError
from pipeline.config.workload import DataConfig
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.source import previous_source, resolve_source
from sources.formats import NAMES, readable_suffixes


def config(source, **more) -> DataConfig:
    return DataConfig(source=str(source), label="label", **more)


def names(source) -> list[str]:
    return [Path(path).name for path in source.files]


@pytest.fixture
def spans(tmp_path) -> Path:
    for span, version in [(1, 1), (2, 1), (2, 3), (2, 10), (10, 1)]:
        folder = tmp_path / f"span-{span}" / f"v{version}"
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text(f"label\n{span}{version}\n")
        (folder / "_SUCCESS").write_text("")
    return tmp_path


def test_the_newest_span_and_its_newest_version_are_read(spans):
    pattern = spans / "span-{SPAN}" / "v{VERSION}" / "*"
    source = resolve_source(config(pattern))
    assert (source.span, source.version, names(source)) == (10, 1, ["a.csv"])
    wanted = resolve_source(config(pattern, span=2))
    assert (wanted.span, wanted.version) == (2, 10)
    assert "span-2/v10/" in wanted.files[0]


def test_a_span_may_be_a_folder(spans):
    assert names(resolve_source(config(spans / "span-{SPAN}" / "v1"))) == ["a.csv"]


def test_the_span_before_is_found(spans):
    data = config(spans / "span-{SPAN}" / "v{VERSION}" / "*.csv")
    newest = resolve_source(data)
    before = previous_source(data, newest)
    assert before is not None and (before.span, before.version) == (2, 10)
    first = previous_source(data, before)
    assert first is not None and first.span == 1
    assert previous_source(data, first) is None


def test_an_unknown_span_names_those_that_exist(spans):
    with pytest.raises(SluiceError, match=r"span 7 of .* cannot be found: the spans there are \[1, 2, 10\]"):
        resolve_source(config(spans / "span-{SPAN}" / "v1" / "*", span=7))


def test_a_span_without_a_pattern_is_refused(spans):
    with pytest.raises(SluiceError, match=r"has no \{SPAN\} in it"):
        resolve_source(config(spans / "span-1" / "v1", span=1))


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("a.csv", "csv"),
        ("a.csv.gz", "csv"),
        ("a.parquet", "parquet"),
        ("a.tfrecord", "tfrecord"),
        ("a.tfrecord.gz", "tfrecord"),
        ("data_tfrecord-00000-of-00001.gz", "tfrecord"),
        ("a.tfrecord-00000-of-00002", "tfrecord"),
        ("A.CSV", "csv"),
        ("a.pq", "parquet"),
        ("a.jsonl", "json_lines"),
        ("a.jsonl.gz", "json_lines"),
        ("a.NDJSON", "json_lines"),
        ("a.ndjson.gz", "json_lines"),
    ],
)
def test_the_suffix_decides_the_format(name, format_, tmp_path):
    (tmp_path / name).write_text("x")
    assert resolve_source(config(tmp_path / name)).format == format_


def test_the_configuration_overrules_the_suffix(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    assert resolve_source(config(tmp_path / "a.txt", format="csv")).format == "csv"


def test_an_unknown_suffix_names_the_suffixes_and_formats_of_the_list(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SluiceError) as refused:
        resolve_source(config(tmp_path / "a.txt"))
    assert readable_suffixes() in refused.value.headline
    for name in NAMES:
        assert name in refused.value.next_command


@pytest.mark.parametrize("name", NAMES)
def test_every_format_of_the_list_may_be_named(name):
    assert config("x", format=name).format == name


def test_a_name_with_magic_characters_is_a_file_when_it_exists(tmp_path):
    (tmp_path / "a[1].csv").write_text("x")
    assert names(resolve_source(config(tmp_path / "a[1].csv"))) == ["a[1].csv"]


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(SluiceError, match="`nosuchpackage`, which is not installed"):
        resolve_source(config("package:nosuchpackage/data.csv"))


def test_the_fingerprint_follows_which_file_is_test(tmp_path):
    for name, text in (("train.csv", "a,y\n1,0\n"), ("test.csv", "a,y\n2,1\n")):
        (tmp_path / name).write_text(text)
    source = resolve_source(config(tmp_path))
    before = fingerprint(source, test_files="test*")
    (tmp_path / "train.csv").rename(tmp_path / "other.csv")
    (tmp_path / "test.csv").rename(tmp_path / "train.csv")
    (tmp_path / "other.csv").rename(tmp_path / "test.csv")
    assert fingerprint(source, test_files="test*") != before
    assert fingerprint(source) == fingerprint(resolve_source(config(tmp_path)))


def test_the_fingerprint_follows_content_and_not_names(tmp_path):
    for folder, files in {"a": ("1", "2"), "b": ("2", "1"), "c": ("1", "3")}.items():
        (tmp_path / folder).mkdir()
        for number, content in enumerate(files):
            (tmp_path / folder / f"{folder}{number}.csv").write_text(content)
    a, b, c = (fingerprint(resolve_source(config(tmp_path / folder))) for folder in "abc")
    assert a == b != c


def test_resolving_imports_nothing_heavy():
    code = (
        "import sys; from pipeline.config.data import DataConfig; from pipeline.ingest.source import *;"
        "taxi = 'package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv';"
        "resolve_source(DataConfig(source=taxi, label='x'));"
        "print([m for m in ('tfx', 'tensorflow', 'apache_beam', 'pyarrow', 'pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
