"""The list of formats: each with its page and an example that is true."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest

from sources.format import Format
from sources.formats import FORMATS, format_named
from tests.samples import source_files
from tests.samples.image_files import sample_images, write_classes, write_idx


def test_the_page_names_every_format_with_its_suffixes() -> None:
    from tests.samples.folders import ROOT

    page = (ROOT / "docs/sources.md").read_text(encoding="utf-8")
    for format_ in FORMATS:
        assert f"`{format_.name}`" in page
        assert [suffix for suffix in format_.suffixes if f"`{suffix}`" not in page] == []


@pytest.mark.parametrize("class_", [Format, *map(type, FORMATS)], ids=lambda class_: class_.__name__)
def test_the_example_of_every_format_is_true(class_: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rides = {"fare": [5.25, None], "company": ["Blue", "Flash, Cab"]}
    for suffix in (".csv", ".parquet", ".jsonl", ".tfrecord.gz"):
        source_files.WRITERS[suffix](Path(f"rides{suffix}"), rides)
    write_idx(Path(), "train", sample_images(2, shape=(28, 28)), np.zeros(2, np.uint8))
    write_classes(Path("flowers"), sample_images(2), ["daisy", "rose"])
    known = {"format_named": format_named, class_.__name__: class_}
    example = doctest.DocTestParser().get_doctest(class_.__doc__ or "", known, class_.__name__, None, None)
    assert example.examples
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0
