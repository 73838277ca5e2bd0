"""Brings the data of a rehearsal into its bucket: containers see no file of this machine, as on Vertex AI."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cloud.testing.storage.objects import ObjectStore, checksums
from core.errors import SluiceError
from pipeline.config.paths import is_address
from pipeline.config.workload import DataConfig

_VARIABLE = re.compile(r"\{[A-Z]+(:\d+)?\}")
_PATTERN = re.compile(r"[*?\[]")


def in_bucket(data: DataConfig, files: ObjectStore, bucket: str, folder: str) -> DataConfig:
    """The configuration with its local data in `gs://<bucket>/<folder>`, where they are copied unless they are there.

    Raises:
      SluiceError: when there are no such data here, or they lie in a bucket that a rehearsal cannot reach.
    """
    places = [data.source] if isinstance(data.source, str) else data.source
    source = _of_several(places)
    changed: dict[str, object] = {"source": _brought(source, "data.source", files, bucket, f"{folder}/source")}
    if data.serving_log is not None:
        changed["serving_log"] = _brought(data.serving_log, "data.serving_log", files, bucket, f"{folder}/serving")
    return data.model_copy(update=changed)


def _of_several(places: list[str]) -> str:
    """The first place that exists; of none the first, whose absence is then the error."""
    there = (place for place in places if is_address(place) or _files(place))
    return next(there, places[0])


def _brought(place: str, key: str, files: ObjectStore, bucket: str, folder: str) -> str:
    if place.startswith("package:"):
        return place  # the image has it, too
    if is_address(place):
        if place.startswith(f"gs://{bucket}/"):
            return place
        raise SluiceError(
            f"`{key}` is {place}, and a rehearsal reaches nothing outside this machine.",
            f"Give it a copy:  gcloud storage cp -r {place} data/   and   --data data/FOLDER",
        )
    found = _files(place)
    if not found:
        raise SluiceError(f"`{key}` is {place}, and there is nothing on this machine.", "Give it:  --data PATH")
    base = _base(place)
    for file in found:
        _copy(file, files, bucket, f"{folder}/{file.relative_to(base)}")
    return f"gs://{bucket}/{folder}/{Path(place).relative_to(base)}"


def _base(place: str) -> Path:
    """The folder that stays behind: the one before the first variable part of the path."""
    fixed = Path(place)
    while _PATTERN.search(str(fixed)) or _VARIABLE.search(str(fixed)):
        fixed = fixed.parent
    return fixed.parent if str(fixed) == place else fixed


def _files(place: str) -> list[Path]:
    path = Path(_VARIABLE.sub("*", place))
    return list(_regular(sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))))


def _regular(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_dir():
            yield from sorted(inner for inner in place.rglob("*") if inner.is_file())
        else:
            yield place


def _copy(file: Path, files: ObjectStore, bucket: str, name: str) -> None:
    content = file.read_bytes()
    # An object that is written again has a new generation, and with it another fingerprint.
    if not any(each.name == name and each.checksums == checksums(content) for each in files.objects(bucket)):
        files.write(bucket, name, content)
