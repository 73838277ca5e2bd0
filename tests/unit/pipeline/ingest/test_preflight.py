"""What is left out, and how CSV is written, is checked before anything is imported or read."""

from pathlib import Path
from typing import Any

import pytest

from core.errors import SluiceError
from pipeline.config.data import DataConfig, SplitConfig
from pipeline.ingest.preflight import check_source
from pipeline.ingest.source import resolve_source


def columns(path: Path, text: str, **data: Any) -> tuple[str, ...]:
    path.write_text(text)
    config = DataConfig.model_validate({"source": str(path), "label": "y", **data})
    return check_source(resolve_source(config), config, SplitConfig())


def test_columns_that_are_left_out_are_not_there(tmp_path: Path) -> None:
    assert columns(tmp_path / "rows.csv", "age;extra;y\n1;2;0\n", ignore_columns=["extra"], csv={"separator": ";"}) == (
        "age",
        "y",
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"ignore_columns": ["agee"]}, "data.ignore_columns names `agee`, which is no column of .*did you mean `age`"),
        ({"ignore_columns": ["nothing like it"]}, "names `nothing like it`, which is no column of"),
        ({"ignore_columns": ["y"]}, "data.ignore_columns leaves out `y`, which data.label names"),
        ({"ignore_columns": ["age"], "time_column": "age"}, "leaves out `age`, which data.time_column names"),
        ({"csv": {"separator": "pipe"}}, "a comma stood between its cells: that makes 2 columns, and a pipe one"),
    ],
)
def test_refuses_what_cannot_be(data: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match=says):
        columns(tmp_path / "rows.csv", "age,y\n1,0\n", **data)


@pytest.mark.parametrize(("lines", "known"), [(1, ("age", "y", "agee", "zone")), (1000, ())])
def test_a_column_of_json_lines_may_be_in_any_file(lines: int, known: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"agee": 1, "y": 0, "zone": 2}\n' * lines)
    (tmp_path / "a.jsonl").write_text('{"age": 1, "y": 0}\n')
    data = {"source": str(tmp_path / "*.jsonl"), "label": "y"}

    def check(*ignored: str) -> tuple[str, ...]:
        config = DataConfig.model_validate({**data, "ignore_columns": list(ignored)})
        return check_source(resolve_source(config), config, SplitConfig())

    assert check() == known
    assert check("agee") == tuple(name for name in known if name != "agee")
    if known:
        with pytest.raises(SluiceError, match=r"`zones`, which is no column of .*did you mean `zone`"):
            check("zones")


def test_the_type_of_a_column_that_a_second_file_alone_has_can_be_declared(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"age": 1, "y": 0}\n')
    (tmp_path / "b.jsonl").write_text('{"age": 1, "y": 0, "zip": "02134"}\n')

    def check(column: str) -> tuple[str, ...]:
        config = DataConfig(source=str(tmp_path / "*.jsonl"), label="y", column_types={column: "string"})
        return check_source(resolve_source(config), config, SplitConfig())

    assert check("zip") == ("age", "y", "zip")
    with pytest.raises(SluiceError, match=r"no column `zipp`, which data\.column_types names"):
        check("zipp")


def test_another_separator_is_named_with_the_key(tmp_path: Path) -> None:
    for sign, word in ((";", "semicolon"), ("\t", "tab"), ("|", "pipe")):
        with pytest.raises(SluiceError, match=f"a {word} stood between its cells") as refused:
            columns(tmp_path / "rows.csv", f"age{sign}y\n1,5{sign}0\n")
        assert f"--set data.csv.separator={word}" in refused.value.next_command


def test_another_separator_is_named_also_where_newlines_stand_in_quotes(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="a semicolon stood between its cells: that makes 3 columns"):
        columns(tmp_path / "rows.csv", "note;price;y\n" + '"two\nlines";1.234,56;0\n' * 50)


def test_a_file_of_one_column_whose_name_holds_a_separator_is_read_when_a_comma_is_declared(tmp_path: Path) -> None:
    assert columns(tmp_path / "rows.csv", "a;b\n1;2\n", label="a;b", csv={"separator": "comma"}) == ("a;b",)
