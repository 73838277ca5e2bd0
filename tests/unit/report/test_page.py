"""The page as a whole: self-contained, safe whatever the data says, quick, and written whole or not at all."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from report.evidence import Evidence
from report.page import render, write_report
from report.sections.data import DRAWN
from tests.samples.folders import ROOT
from tests.samples.report_runs import (
    hostile_run,
    pushed_run,
    refused_run,
    sample_record,
    taxi_frame,
    wide_run,
)

VOID = {"meta", "link", "br", "img", "path", "polyline"}


class Outline(HTMLParser):
    """The tags, the attributes that could fetch something, and whether every tag is closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action", "data", "poster")]
        self.ids += [value for name, value in attrs if name == "id"]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag


@pytest.mark.parametrize("run", [pushed_run, refused_run, hostile_run], ids=["pushed", "refused", "hostile"])
def test_the_page_is_well_formed_and_loads_nothing(run):
    page = render(*run())
    outline = Outline(page)
    assert all(address.startswith(("#", "data:")) for address in outline.addresses)
    assert {address[1:] for address in outline.addresses if address.startswith("#")} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    assert "url(" not in page and "@import" not in page


def test_nothing_in_the_data_becomes_markup():
    page = render(*hostile_run())
    tags = Outline(page).tags
    # The one image is that of the mistake.
    assert "script" not in tags and tags.count("img") == page.count('<img src="data:image/png;base64,') == 1
    assert page.count("&lt;script&gt;") > 15


def test_words_between_backticks_are_set_as_code():
    assert "<code>company</code> in schema/taxi/schema.pbtxt" in render(*pushed_run())


@pytest.mark.parametrize("outcome", ["pushed", "refused", "failed", "stopped"])
def test_a_run_without_outputs_has_a_page(outcome):
    record = sample_record(outcome=outcome, components=[], rows={}, pushed_version=None, data_fingerprint=None)
    page = render(record, Evidence())
    Outline(page)
    assert f'<h1 id="verdict-title">{outcome.capitalize()}</h1>' in page
    assert page.count("Not reached: ") == 6


def test_of_very_many_columns_those_with_findings_are_drawn_and_the_rest_listed():
    page = render(*wide_run())
    assert len(page) < 1_500_000
    assert re.findall(r"<h3>(column_\d+)</h3>", page)[0] == "column_450"
    assert page.count('<article class="feature') == DRAWN
    assert f"Of 500 columns {DRAWN} are drawn" in page
    assert all(f"column_{index:03d}" in page for index in range(500))


def test_the_page_of_an_ordinary_run_is_small():
    page = render(*pushed_run())
    assert len(page) < 300_000
    assert all(f">{name}</h3>" in page for name in taxi_frame().columns)


def test_rendering_needs_neither_tensorflow_nor_tfx():
    program = (
        "import sys; from tests.samples.report_runs import pushed_run; from report.page import render;"
        "render(*pushed_run());"
        "print([m for m in ('tensorflow', 'tfx', 'tensorflow_data_validation', 'apache_beam') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_report_replaces_the_one_before_and_leaves_no_draft(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("before")
    assert write_report(target, *pushed_run()) == target
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_report_that_cannot_be_made_leaves_the_one_before(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("before")
    record, evidence = pushed_run()
    with pytest.raises(TypeError):
        write_report(target, record, dataclasses.replace(evidence, history={"loss": ["not a number"]}))
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme):
    style = (ROOT / "report/templates/palette.css").read_text()
    light, dark = (dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in style.split("@media", 2)[:2])
    colours = light if scheme == "light" else dark
    for ground in ("paper", "faint"):
        for text in ("ink", "muted", "accent", "good", "bad", "warn", "calm", "train", "eval", "test"):
            high, low = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            ratio = (high + 0.05) / (low + 0.05)
            assert ratio >= (4.5 if ground == "paper" or text in ("ink", "muted") else 3), (scheme, text, ground, ratio)
