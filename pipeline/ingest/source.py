"""Finds the files that a workload reads. Quick to import: the runner calls it first, without TFX or Beam."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import SluiceError
from pipeline.config.workload import DataConfig
from sources.formats import NAMES
from sources.locate import locate
from sources.paths import glob_files, look
from sources.reading import AS_USUAL, Reading
from sources.storage import is_remote

SERVING = "serving"  # the one split of the examples of a serving log
PREVIOUS = "previous"  # the one split of the examples of the span before
_PLACEHOLDER = re.compile(r"\{(SPAN|VERSION)(?::\d+)?\}")


@dataclass(frozen=True)
class Source:
    """The files of one run, in a fixed order, and how they were found."""

    files: tuple[str, ...]
    format: str
    span: int | None
    version: int | None
    pattern: str | tuple[str, ...]  # several: the first that exists, where the files are to be found elsewhere
    reading: Reading = AS_USUAL


def has_spans(place: str) -> bool:
    """Whether a place has a span in its name."""
    return any(found[1] == "SPAN" for found in _PLACEHOLDER.finditer(place))


def resolve_source(data: DataConfig) -> Source:
    """Finds the files that `data.source` names: the wanted span (else the newest) and its newest version.

    Raises:
      SluiceError: when it is not there, or cannot be read as files of one format.
    """
    named = _place(data)
    pattern = _absolute(_inside_package(named) if named.startswith("package:") else named)
    if not _PLACEHOLDER.search(pattern):
        if data.span is not None:
            raise SluiceError(f"data.span is {data.span}, but data.source {named} has no {{SPAN}} in it.")
        return _source(pattern, data, None, None)
    spans = _spans(pattern)
    wanted = [key for key in spans if data.span is None or key[0] == data.span]
    if not wanted:
        seen = f"the spans there are {sorted({span for span, _ in spans})}" if spans else "nothing matches it"
        what = "" if data.span is None else f"span {data.span} of "
        raise SluiceError(f"{what}{named} cannot be found: {seen}.", look(pattern))
    newest = max(wanted)
    return _source(spans[newest], data, newest[0], newest[1] if "{VERSION" in pattern else None)


def _place(data: DataConfig) -> str:
    """Of several places the first that exists; a single one unchecked, because reading it gives a better error."""
    places = [data.source] if isinstance(data.source, str) else data.source
    if len(places) == 1:
        return places[0]
    for place in places:
        if exists(place):
            return place
    commands = "   or:  ".join([*data.fetch, "--data PATH"])
    raise SluiceError(f"the data is in none of its places: {', '.join(places)}.", f"Fetch it:  {commands}")


def exists(place: str) -> bool:
    """Whether there is anything at one of the places of a source."""
    try:
        pattern = _absolute(_inside_package(place) if place.startswith("package:") else place)
    except SluiceError:  # the package is not installed
        return False
    return bool(glob_files(_PLACEHOLDER.sub("*", pattern))) or (
        is_remote(pattern) and bool(glob_files(pattern.rstrip("/") + "/*"))
    )


def previous_source(data: DataConfig, source: Source) -> Source | None:
    """The span before the one that is read, in its newest version; none when it is the first or there are no spans.

    Raises:
      SluiceError: when `data.source` is not there, or cannot be read as files of one format.
    """
    if source.span is None:
        return None
    pattern = _absolute(_place(data))
    earlier = [span for span, _ in _spans(pattern) if span < source.span]
    return resolve_source(data.model_copy(update={"span": max(earlier)})) if earlier else None


def _inside_package(source: str) -> str:
    """`package:tfx/a/b.csv` → the file inside the installed package, which is found but not imported."""
    package, _, inside = source.removeprefix("package:").partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise SluiceError(
            f"{source} names the Python package `{package}`, which is not installed.", f"pip install {package}"
        )
    return str(Path(spec.submodule_search_locations[0]) / inside)


def _spans(pattern: str) -> dict[tuple[int, int], str]:
    """(span, version) → the pattern with both filled in as on disk."""
    names = [match.group(1) for match in _PLACEHOLDER.finditer(pattern)]
    if "SPAN" not in names or len(names) != len(set(names)):
        raise SluiceError(f"{pattern} needs {{SPAN}} once, and {{VERSION}} at most once and only beside {{SPAN}}.")
    finder = re.compile(
        "".join(f"(?P<{p}>\\d+)" if p in ("SPAN", "VERSION") else _glob_to_regex(p) for p in _pieces(pattern)) + r"\Z"
    )
    found: dict[tuple[int, int], str] = {}
    for path in sorted(glob_files(_PLACEHOLDER.sub("*", pattern))):
        if match := finder.match(path):
            spelt = match.groupdict()
            key = (int(spelt["SPAN"]), int(spelt.get("VERSION") or 0))
            found[key] = _PLACEHOLDER.sub(lambda place, spelt=spelt: spelt[place.group(1)], pattern)  # type: ignore[misc]
    return found


def _pieces(pattern: str) -> list[str]:
    """The parts of the pattern; placeholders are bare names."""
    return [piece for piece in _PLACEHOLDER.split(pattern) if piece]


def _glob_to_regex(piece: str) -> str:
    return re.escape(piece).replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")


def _source(pattern: str, data: DataConfig, span: int | None, version: int | None) -> Source:
    named, *others = NAMES
    say = f"Say it:  --set data.format={named}  (or {', '.join(others)})"
    format_, files = locate(pattern, data.format, unknown=say, reading=data.reading)
    return Source(tuple(files), format_.name, span, version, pattern, data.reading)


def _absolute(pattern: str) -> str:
    return pattern if is_remote(pattern) else os.path.abspath(Path(pattern).expanduser())  # noqa: PTH100 - keeps links
