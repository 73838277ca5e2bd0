"""The documentation of every configuration key: `--explain KEY`, and the reference page docs/configuration.md."""

from __future__ import annotations

from core.environment import GATES, enter_environment

if __name__ == "__main__":
    enter_environment(GATES)

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.errors import SluiceError
from core.strict import Strict
from core.text import nearest, suggestion
from core.version import VERSION
from gates.command.usage import OneSentenceCommand, show_or_write
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.errors import EXPLAIN, dotted
from pipeline.config.shapes import all_keys, child, fields_of, in_words, is_list, is_mapping, may_be_text, section_of
from pipeline.config.workload import WorkloadConfig

_WIDTH = 100
_ENVIRONMENT = "environment"
_CHECKS = ("gates", "checks")
_ANY = "*"
REFERENCE_COMMAND = "python -m pipeline.config.explain --output docs/configuration.md"


class _Key(NamedTuple):
    path: tuple[str, ...]
    field: FieldInfo

    @property
    def section(self) -> Any:
        return section_of(self.field)

    def kind(self) -> str:
        """The type in plain words, and the default."""
        words = in_words(self.field)
        if self.section is not None and not fields_of(self.field):
            words = "a list of sections" if is_list(self.field) else "a mapping of names to sections"
            if may_be_text(self.section):
                words += " or text"
        words = words.removesuffix(" or null")
        if self.field.is_required():
            return "a section, required" if fields_of(self.field) else f"{words}; required"
        if fields_of(self.field):
            return "a section"
        return f"{words}; {_default(self.field)}"

    def meaning(self) -> str:
        """The field's documentation, else that of the section it holds."""
        return _plain(self.field.description or (self.section.__doc__ if self.section is not None else "") or "")


def explain(key: str = "") -> str:
    """The text on `key`: a section with all its keys, or one key with its values. Empty: every key, one on each line.

    Keys of the environment file stand under `environment`.

    Raises:
      SluiceError: when there is no such key.
    """
    parts = [part for part in key.split(".") if part and not part.isdecimal()]
    if not parts:
        workload = _tree("A workload: configs/<name>.yaml", WorkloadConfig)
        cloud = _tree("A cloud environment: configs/environments/<name>.yaml", EnvironmentConfig, (_ENVIRONMENT,))
        return f"{workload}\n\n{cloud}"
    if parts == [_ENVIRONMENT]:
        meaning = _plain(EnvironmentConfig.__doc__ or "")
        return _section_in_full(_ENVIRONMENT, meaning, EnvironmentConfig, (_ENVIRONMENT,))
    found = _find(parts)
    if found.section is not None:
        return _section_in_full(dotted(found.path), found.meaning(), found.section, found.path)
    return _one_key(found, dotted(found.path))


def reference_markdown() -> str:
    """The page docs/configuration.md."""
    lines = [
        "# Configuration",
        "",
        f"Made from the classes of `pipeline/config/` by `{REFERENCE_COMMAND}`. On the command line, `--explain KEY` "
        "prints the same and `--set KEY=VALUE` overrides a key for one run: `--set train.epochs=2`, "
        "`--set evaluator.thresholds.auc.at_least=0.6` (a threshold is named by its metric or its position).",
        "",
        "Relative paths in a YAML file start at the repository, or at the YAML's own folder when it lies elsewhere; "
        "on the command line, at the current folder.",
    ]
    lines += _tables("A workload: `configs/<name>.yaml`", WorkloadConfig, ())
    lines += _tables("A cloud environment: `configs/environments/<name>.yaml`", EnvironmentConfig, ())
    return "\n".join(lines) + "\n"


def _find(parts: list[str]) -> _Key:
    root, prefix = (EnvironmentConfig, parts[:1]) if parts[0] == _ENVIRONMENT else (WorkloadConfig, [])
    section: Any = root
    path = tuple(prefix)
    named = True  # whether a name of the mapping before may no longer come
    for part in parts[len(prefix) :]:
        fields = fields_of(section) or {}
        if part not in fields:
            if named or not _may_be_named(path, part, fields):
                raise _unknown(parts)
            named = True
            continue
        path = (*path, part)
        key = _Key(path, fields[part])
        # Below a free-form mapping every name is allowed: the mapping's own documentation explains it.
        if key.section is None and child(key.field, "any name") is not None:
            return key
        section, named = key.section, not is_mapping(key.field)
    return key


def _may_be_named(mapping: tuple[str, ...], name: str, fields: Iterable[str]) -> bool:
    """Whether a section of the mapping can have this name: of a check one that exists, `*` for any; else any name that
    is not a misspelt key."""
    known = _check_names() if mapping == _CHECKS else []
    if name in (_ANY, *known):
        return True
    is_misspelt = nearest(name, fields, cutoff=0.75) is not None
    if known and not is_misspelt:
        sentence = f"--explain: there is no check `{name}`{suggestion(nearest(name, known))}"
        raise SluiceError(sentence, "All checks:  python -m gates list")
    return not is_misspelt


def _check_names() -> list[str]:
    from gates.verdict.catalogue import checks  # numpy, and every check

    return [check.name for check in checks()]


def _unknown(parts: list[str]) -> SluiceError:
    known = [dotted(path) for path in all_keys(WorkloadConfig)]
    known += [_ENVIRONMENT, *(dotted((_ENVIRONMENT, *path)) for path in all_keys(EnvironmentConfig))]
    by_leaf = {name.rpartition(".")[2]: name for name in reversed(known)}
    near = nearest(dotted(parts), known, cutoff=0.75)
    if near is None and (leaf := nearest(parts[-1], by_leaf)):
        near = by_leaf[leaf]
    return SluiceError(f"--explain: there is no key `{dotted(parts)}`{suggestion(near)}", f"All keys:  {EXPLAIN}")


def _tree(title: str, shape: type[Strict], prefix: tuple[str, ...] = ()) -> str:
    keys = _keys_below(shape, prefix, deep=True)
    width = max(len(dotted(key.path)) for key in keys) + 2
    return "\n".join([title, "", *(f"  {dotted(key.path):<{width}}{key.kind()}" for key in keys)])


def _section_in_full(name: str, meaning: str, section: type[BaseModel], prefix: tuple[str, ...]) -> str:
    blocks = [f"{name}: {meaning}"]
    blocks += [_one_key(key, dotted(key.path[len(prefix) :]), indent="  ") for key in _keys_below(section, prefix)]
    return "\n\n".join(blocks)


def _one_key(key: _Key, name: str, indent: str = "") -> str:
    meaning = textwrap.fill(key.meaning(), _WIDTH, initial_indent=f"{indent}    ", subsequent_indent=f"{indent}    ")
    return f"{indent}{name}: {key.kind()}\n{meaning}"


def _tables(title: str, section: type[BaseModel], prefix: tuple[str, ...]) -> list[str]:
    lines = ["", f"## {title}", "", "| key | value | meaning |", "| --- | --- | --- |"]
    for key in _keys_below(section, prefix, deep=True):
        cells = [f"`{dotted(key.path)}`", key.kind(), key.meaning()]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return lines


def _keys_below(section: Any, prefix: tuple[str, ...], deep: bool = False) -> list[_Key]:
    keys = []
    for name, field in (fields_of(section) or {}).items():
        keys.append(_Key((*prefix, name), field))
        if deep:
            keys += _keys_below(keys[-1].section, keys[-1].path, deep=True)
    return keys


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined:
        return "not set by default"
    if isinstance(value, bool):
        return f"default {str(value).lower()}"
    if isinstance(value, list):
        return f"default [{', '.join(str(item) for item in value)}]"
    if isinstance(value, dict):
        return "default {}"
    return f"default {value if value != '' else 'empty'}"


def _plain(documentation: str) -> str:
    return " ".join(documentation.split())


@click.command(cls=OneSentenceCommand)
@click.version_option(VERSION, prog_name="sluice")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to FILE, whole or not at all, instead of printing.",
)
def main(output: Path | None) -> None:
    """Print the page docs/configuration.md."""
    show_or_write(reference_markdown(), output)


if __name__ == "__main__":
    main()
