"""The report in a real browser (Debian's chromium, headless): quiet, offline, readable and reachable by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from report.page import write_report
from tests.samples.browser import CLIPPED, STICKING_OUT, Visit, running_browser, visit_of
from tests.samples.report_runs import (
    TAXI_COLUMNS,
    hostile_run,
    pictured_run,
    proven_run,
    pushed_run,
    refused_run,
    wide_run,
)

pytestmark = pytest.mark.e2e

RUNS = {
    "pushed": pushed_run,
    "refused": refused_run,
    "hostile": hostile_run,
    "wide": wide_run,
    "proven": proven_run,
    "pictured": pictured_run,
}
SECTIONS = ("verdict", "metrics", "training", "data", "lineage", "time", "configuration")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    return {name: write_report(folder / f"{name}.html", *run()) for name, run in RUNS.items()}


@pytest.fixture
def visit(browser, reports):
    """Opens a report as `visit(name, width, scheme)`."""
    pages = []

    def opened(name: str, width: int = 1280, scheme: str = "light") -> Visit:
        visited = visit_of(browser, reports[name].as_uri(), width, scheme)
        pages.append(visited.page)
        return visited

    yield opened
    for page in pages:
        page.close()


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", RUNS)
def test_it_is_quiet_offline_and_fits_the_window(visit, reports, name, width):
    visited = visit(name, width)
    # Folded parts must fit as well.
    visited.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert visited.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visited.page.evaluate(STICKING_OUT) == []
    assert visited.page.evaluate(CLIPPED) == []
    assert [url for url in visited.requests if url != reports[name].as_uri() and not url.startswith("data:")] == []
    assert visited.complaints == []


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["pushed", "refused"])
def test_the_verdict_and_its_reason_are_seen_without_scrolling(visit, name, width):
    page = visit(name, width).page
    for element in (page.locator("h1"), page.locator(".why"), page.locator(".facts dd").first):
        box = element.bounding_box()
        assert box["y"] + box["height"] < 800
    assert page.locator("h1").inner_text() == name.capitalize()


def test_the_keyboard_reaches_the_skip_link_the_navigation_and_what_is_folded(visit):
    page = visit("refused").page
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(e => `${e.tagName} ${e.getAttribute('href') || ''} ${getComputedStyle(e).outlineStyle}`)"
                "(document.activeElement)"
            )
        )
    links = [entry.split()[1] for entry in reached if entry.startswith("A #")]
    assert links[0] == "#verdict"
    assert links[1:8] == [f"#{section}" for section in SECTIONS]
    assert any(entry.startswith("SUMMARY") for entry in reached)
    assert all(entry.endswith("solid") for entry in reached if entry.startswith(("A", "SUMMARY")))


def test_a_folded_part_opens_with_the_enter_key(visit):
    page = visit("pushed").page
    folded = page.locator("#configuration details")
    folded.locator("summary").focus()
    assert not page.get_by_text("name: taxi").is_visible()
    page.keyboard.press("Enter")
    assert page.get_by_text("name: taxi").is_visible()


def test_a_link_in_the_navigation_brings_its_section_below_the_bar(visit):
    page = visit("pushed", 400).page
    page.get_by_role("link", name="Lineage").click()
    bar = page.locator(".top").bounding_box()
    heading = page.get_by_role("heading", name="Lineage").bounding_box()
    assert bar["y"] + bar["height"] <= heading["y"] < 400


def test_the_dark_scheme_changes_ground_ink_and_drawings(visit):
    looks = {}
    for scheme in ("light", "dark"):
        page = visit("pushed", scheme=scheme).page
        looks[scheme] = page.evaluate(
            "() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,"
            " getComputedStyle(document.querySelector('.hist.train svg')).fill,"
            " getComputedStyle(document.querySelector('polyline.eval')).stroke,"
            " getComputedStyle(document.querySelector('i.lim')).borderLeftColor]"
        )
    brightness = {scheme: sum(map(int, re.findall(r"\d+", look[0])[:3])) for scheme, look in looks.items()}
    assert brightness["dark"] < 150 < 600 < brightness["light"]
    assert all(light != dark for light, dark in zip(looks["light"], looks["dark"], strict=True))


def test_landmarks_tables_and_drawings_have_names(visit):
    page = visit("refused").page
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation", name="Sections").count() == 1
    assert page.locator("h1").count() == 1
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("svg:not([role=img][aria-label])").count() == 0
    for heading in map(str.capitalize, SECTIONS[1:]):
        assert page.get_by_role("region", name=heading, exact=True).count() == 1


def test_a_narrow_findings_table_is_still_a_table_to_a_screen_reader(visit):
    page = visit("refused", 400).page
    assert page.get_by_role("rowheader", name="overall").first.is_visible()
    assert page.get_by_role("table", name="What stands against this run, gravest first").get_by_role("row").count() == 2


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["refused", "proven"])
def test_each_drawing_stands_below_the_name_of_its_split(visit, name, width):
    page = visit(name, width).page
    for split in ("train", "eval", "test"):
        head = page.locator(f".feature.head .{split}").bounding_box()
        drawn = page.locator(f".features :is(.hist, .valuebar).{split}").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().left)"
        )
        assert len(drawn) > 10 and {round(left) for left in drawn} == {round(head["x"])}


def test_a_narrow_table_shows_every_value_with_the_name_of_its_column_and_nothing_beside_the_window(visit):
    page = visit("proven", 400).page
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    cards = "[...document.querySelectorAll('.cards')]"
    assert (
        page.evaluate(f"{cards}.filter(e => e.closest('.scroll').scrollWidth > e.closest('.scroll').clientWidth)") == []
    )
    named = page.evaluate(
        f"{cards}.flatMap(e => [...e.querySelectorAll('tbody td')]"
        ".map(td => [getComputedStyle(td, '::before').content, e.tHead.rows[0].cells[td.cellIndex].textContent]))"
    )
    assert {heading for _, heading in named} >= {*TAXI_COLUMNS, "Checks run", "Verdict", "Time", "dropout", "Change"}
    assert [pair for pair in named if pair[0] != f'"{pair[1]}"'] == []
    sample = page.locator(".sample")
    assert sample.get_by_role("row").first.is_visible()
    assert sample.get_by_role("cell").nth(1).evaluate("td => td.clientHeight") > 10


@pytest.mark.parametrize("width", [1280, 400])
def test_images_that_are_taken_for_another_class_are_seen_below_their_class(visit, width):
    page = visit("pictured", width).page
    shirts, boots = page.locator(".mistakes").all()
    assert shirts.get_by_role("img", name="Shirt, taken for Coat").count() == 6
    assert boots.get_by_role("heading").inner_text() == "Ankle boot" and boots.get_by_role("img").count() == 2
    drawn = page.locator(".mistakes img").evaluate_all("all => all.map(e => [e.naturalWidth, e.clientWidth])")
    assert drawn == [[8, 80]] * 8


def test_intervals_limits_and_bars_have_a_size(visit):
    page = visit("pushed", 400).page
    for drawn in ("#metrics i.dot", "#metrics i.span", "#metrics i.lim", ".hist path", ".valuebar i", ".timing i"):
        box = page.locator(drawn).locator("visible=true").nth(1).bounding_box()
        assert box["height"] > 1 and box["width"] > 0, drawn


def test_names_of_the_taxi_data_stand_on_one_line(visit):
    page = visit("pushed", 1280).page
    heights = page.locator(".feature h3").evaluate_all(
        "all => all.map(e => e.getClientRects().length && e.offsetHeight)"
    )
    assert len(heights) > 10
    assert len(set(heights)) == 1
