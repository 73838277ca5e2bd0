"""The page of an endpoint in a real browser, in front of real models."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from models.export.served_form import ServedForm
from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint
from serving.worker.model import LoadedModel
from tests.samples.browser import CLIPPED, STICKING_OUT, Visit, running_browser, visit_of
from tests.samples.fronts import FRONTS
from tests.samples.served_models import (
    RIDE,
    WORKLOAD,
    Server,
    export_image_model,
    export_plain_model,
    export_ride_model,
    served,
    write_form,
    write_golden_file,
)

pytestmark = pytest.mark.e2e

ATTACK = "<img src=x onerror=\"document.title='taken'\">"
TOKEN = "open sesame"
# For the state of a page on a loaded machine.
expect.set_options(timeout=60_000)
Opened = Callable[..., Visit]


def _export_rides(folder: Path, base: float, classes: tuple[str, ...] = ("no tip", "tip")) -> None:
    model = LoadedModel(str(export_ride_model(folder, base, classes)))
    rows: list[dict[str, Any]] = [
        {"fare": np.array([12.3], np.float32), "company": np.array([ATTACK.encode()], object), "hour": np.array([8])},
        {"fare": np.array([np.nan], np.float32), "company": np.array([b"\xff"], object), "hour": np.array([0])},
    ]
    write_golden_file(folder, [(row, model.predict(row)) for row in rows])


def _export_images(folder: Path) -> None:
    model = LoadedModel(str(export_image_model(folder)))
    rows = [{"image": np.full((1, 4, 4, 1), value)} for value in (10, 250)]
    write_golden_file(folder, [(row, model.predict(row)) for row in rows])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def rides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Version 101 has the traffic, version 102 gets copies of half of it."""
    home = tmp_path_factory.mktemp("page")
    _export_rides(home / "serving" / WORKLOAD / "101", 0.25)
    with served(home) as server:
        endpoint = LocalEndpoint(server.versions, WORKLOAD)
        # Waits until it is loaded; from here on the newest version does not take the traffic by itself.
        endpoint.deploy(ModelVersion(deployed_id="101", model=WORKLOAD, version="101"))
        _export_rides(home / "serving" / WORKLOAD / "102", 0.5)
        endpoint.deploy(ModelVersion(deployed_id="7", model=WORKLOAD, version="102"))
        endpoint.mirror(50, "7", endpoint.state().etag)
        yield server


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("images")
    _export_images(home / "serving" / WORKLOAD / "101")
    with served(home) as server:
        yield server


@pytest.fixture
def visit(browser: Browser) -> Iterator[Opened]:
    """Opens the page of a server and waits for its form."""
    pages = []

    def opened(server: Server, width: int = 1280, scheme: str = "light") -> Visit:
        visited = visit_of(browser, f"{server.url}/", width, scheme)
        pages.append(visited.page)
        expect(visited.page.get_by_role("button", name="Predict")).to_be_visible()
        return visited

    yield opened
    for page in pages:
        page.close()


def _answer(page: Page) -> str:
    """Predicts, and returns what is shown."""
    with page.expect_response(lambda response: response.url.endswith(":predict")):
        page.get_by_role("button", name="Predict").click()
    expect(page.locator("#answer .label, #answer .problem")).to_be_visible()
    return page.locator("#answer").inner_text()


def _sent(page: Page) -> dict[str, Any]:
    """Predicts, and returns the instance that the browser sent."""
    with page.expect_request(lambda request: request.url.endswith(":predict")) as sent:
        page.get_by_role("button", name="Predict").click()
    [instance] = json.loads(sent.value.post_data or "")["instances"]
    found: dict[str, Any] = instance
    return found


def test_it_shows_what_is_deployed_with_which_share_and_counts_the_answers(visit: Opened, rides: Server) -> None:
    page = visit(rides).page
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
    expect(page.locator("#why")).to_have_text(
        "Version 101 answers all requests. Version 102 gets copies of 50 % of them; its answers are thrown away."
    )
    rows = page.locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("101100 %ready")
    expect(rows.nth(1)).to_contain_text("102id 70 %ready")
    expect(rows.nth(0)).to_contain_text("none yet")
    assert rides.post([{**RIDE, "hour": "eight"}]).status_code == 400
    expect(rows.nth(0)).to_contain_text("1 refused with 400")


def test_a_golden_request_is_filled_in_and_answered_as_by_the_protocol(visit: Opened, rides: Server) -> None:
    page = visit(rides).page
    assert page.get_by_label("fare").input_value() == "12.3"
    instance = _sent(page)
    assert instance == {"fare": 12.3, "company": ATTACK, "hour": 8}
    shown = _answer(page).split("\n")
    shown = [line for line in shown if line]
    assert shown[:6] == ["tipped", "no tip 75.0 %", "no tip", "75.0 %", "tip", "25.0 %"]
    assert shown[6].startswith("Version 101, in ")
    assert rides.post([instance]).json()["predictions"][0]["label"] == "no tip"


def test_a_missing_value_is_left_out_and_bytes_are_sent_as_they_are(visit: Opened, rides: Server) -> None:
    page = visit(rides).page
    page.get_by_label("Filled in from golden request").select_option("2")
    assert _sent(page) == {"company": {"b64": "/w=="}, "hour": 0}
    page.get_by_label("company").fill("Blue")
    assert _sent(page) == {"company": "Blue", "hour": 0}


@pytest.mark.parametrize(
    ("feature", "text", "message"),
    [
        ("hour", "", 'instance 0: feature "hour": expected a whole number, got nothing'),
        ("hour", "8.5", 'instance 0: feature "hour": expected a whole number, got "8.5"'),
        ("fare", "much", 'instance 0: feature "fare": expected a number or null, got "much"'),
    ],
)
def test_what_does_not_fit_is_answered_in_the_words_of_the_protocol(
    visit: Opened, rides: Server, feature: str, text: str, message: str
) -> None:
    page = visit(rides).page
    page.get_by_label(feature).fill(text)
    assert _answer(page) == message


def test_a_whole_number_beyond_the_doubles_of_a_browser_stays_itself(visit: Opened, rides: Server) -> None:
    page = visit(rides).page
    page.get_by_label("hour").fill("9007199254740993")
    assert _sent(page)["hour"] == 9007199254740993


def test_one_version_can_be_asked_whatever_its_traffic(visit: Opened, rides: Server) -> None:
    page = visit(rides).page
    page.get_by_label("Answered by").select_option("version 102")
    assert "Version 102, in" in _answer(page)


def test_the_command_that_it_shows_asks_the_same(visit: Opened, rides: Server) -> None:
    page = visit(rides).page
    page.get_by_label("company").fill("It's $(blue)")
    _answer(page)
    page.get_by_text("The same by curl").click()
    command = page.locator("#answer pre").inner_text()
    answer = os.popen(command.replace("curl ", "curl -s --noproxy '*' ", 1)).read()
    assert json.loads(answer)["predictions"][0]["scores"] == {"no tip": 0.75, "tip": 0.25}


def test_a_model_of_somebody_elses_has_a_form_and_its_answer_is_shown_as_it_is(visit: Opened, tmp_path: Path) -> None:
    export_plain_model(tmp_path / "serving" / WORKLOAD / "101")
    with served(tmp_path) as server:
        page = visit(server).page
        page.get_by_label("pair").fill("[1.5, 2]")
        page.get_by_label("wanted").select_option("true")
        assert _sent(page) == {"pair": [1.5, 2], "wanted": True}
        expect(page.locator("#answer pre").first).to_have_text("7")
        page.get_by_label("pair").fill("[1.5, ")
        assert "expected lists of shape [2], of float32" in _answer(page)


def test_the_form_can_be_cleared(visit: Opened, rides: Server) -> None:
    page = visit(rides).page
    page.get_by_role("button", name="Clear").click()
    assert _sent(page) == {}


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("kind", ["rides", "images"])
def test_it_fits_the_window_is_quiet_and_loads_nothing_from_elsewhere(
    visit: Opened, request: pytest.FixtureRequest, kind: str, width: int
) -> None:
    server: Server = request.getfixturevalue(kind)
    visited = visit(server, width)
    _answer(visited.page)
    visited.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert visited.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visited.page.evaluate(STICKING_OUT) == []
    assert visited.page.evaluate(CLIPPED) == []
    elsewhere = [url for url in visited.requests if not url.startswith((f"{server.url}/", "data:"))]
    assert elsewhere == []
    assert visited.complaints == []


def test_the_dark_scheme_has_other_colours(visit: Opened, rides: Server) -> None:
    colours = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color]"
    light, dark = (visit(rides, scheme=scheme).page.evaluate(colours) for scheme in ("light", "dark"))
    assert all(before != after for before, after in zip(light, dark, strict=True))


def test_names_of_the_data_are_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    versions = tmp_path / "serving" / WORKLOAD
    _export_rides(versions / "101", 0.25, (ATTACK, "tip"))
    write_form(versions / "101", ServedForm(ATTACK, [ATTACK, "tip"], ["hour"]))

    def renamed(route: Route) -> None:
        # TensorFlow lets no such name into a signature; the page must not rest on that.
        form = route.fetch().json()
        form["features"].append({"name": ATTACK, "kind": "string", "shape": [], "missing": True, "image": False})
        route.fulfill(json=form)

    with served(tmp_path) as server:
        visited = visit_of(browser, "about:blank")
        page = visited.page
        page.route("**/page/form", renamed)
        page.goto(f"{server.url}/")
        expect(page.get_by_label(ATTACK)).to_be_visible()
        assert page.get_by_label("company").input_value() == ATTACK
        shown = _answer(page)
        assert shown.count(ATTACK) == 3  # what is predicted, the label, and its score
        assert page.title() == f"{WORKLOAD}: Sluice endpoint"
        assert visited.complaints == []
        page.close()


def test_a_script_in_the_page_would_not_run(visit: Opened, rides: Server) -> None:
    visited = visit(rides)
    visited.page.evaluate("document.body.insertAdjacentHTML('beforeend', `" + ATTACK + "`)")
    visited.page.evaluate(
        "{ const s = document.createElement('script'); s.textContent = 'document.title=1'; document.body.append(s) }"
    )
    expect(visited.page).to_have_title(f"{WORKLOAD}: Sluice endpoint")
    assert any("Content Security Policy" in text for text in visited.complaints)
    policy = httpx.get(f"{rides.url}/", trust_env=False).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


@pytest.mark.parametrize("front", FRONTS)
def test_with_a_token_it_asks_for_it_and_keeps_it_nowhere(
    browser: Browser, tmp_path: Path, front: tuple[str, ...]
) -> None:
    _export_rides(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with served(tmp_path, *front, SLUICE_SERVING_TOKEN=TOKEN) as server:
        for path in ("/page/state", "/page/form"):
            assert httpx.get(f"{server.url}{path}", trust_env=False).status_code == 401
        assert httpx.get(f"{server.url}/docs", trust_env=False).status_code == 404
        page = visit_of(browser, f"{server.url}/").page
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("The endpoint refused this token.")).to_be_visible()
        assert not page.get_by_role("heading", level=1).is_visible()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
        assert _answer(page).startswith("tipped")
        kept = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
        assert TOKEN not in page.evaluate(kept) and TOKEN not in page.content()
        page.reload()
        expect(page.get_by_label("Token")).to_be_visible()
        page.close()


def test_a_sample_image_is_shown_and_answered(visit: Opened, images: Server) -> None:
    page = visit(images).page
    assert "dark 96.1 %" in _answer(page)
    page.get_by_role("button", name="Sample 2").click()
    assert "bright 98.0 %" in _answer(page)
    shown = "[...document.querySelector('canvas').getContext('2d').getImageData(1, 1, 1, 1).data]"
    assert page.evaluate(shown) == [250, 250, 250, 255]


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_file_is_scaled_to_the_shape_of_the_model_in_grey(visit: Opened, images: Server, form: str) -> None:
    """Left half white, right half a blue whose grey is 29; twice as wide as high, so that black is above and below."""
    page = visit(images).page
    picture = Image.new("RGB", (400, 200), "white")
    picture.paste((0, 0, 255), (200, 0, 400, 200))
    content = io.BytesIO()
    picture.save(content, form)
    upload = {"name": f"picture.{form.lower()}", "mimeType": f"image/{form.lower()}", "buffer": content.getvalue()}
    page.locator("input[type=file]").set_input_files(upload)  # type: ignore[arg-type]
    expect(page.get_by_label("Swap bright and dark")).to_be_visible()
    pixels = np.array(_sent(page)["image"])
    assert pixels.shape == (4, 4, 1)
    np.testing.assert_allclose(pixels[[0, 3]], 0, atol=3)
    np.testing.assert_allclose(pixels[1:3, 0, 0], 255, atol=3)
    np.testing.assert_allclose(pixels[1:3, 3, 0], 29, atol=3)
    page.get_by_label("Swap bright and dark").check()
    swapped = np.array(_sent(page)["image"])
    np.testing.assert_allclose(swapped[1:3, 0, 0], 0, atol=3)
    np.testing.assert_allclose(swapped[1:3, 3, 0], 226, atol=3)


def test_a_file_can_be_dropped(visit: Opened, images: Server) -> None:
    page = visit(images).page
    content = io.BytesIO()
    Image.new("L", (4, 4), 200).save(content, "PNG")
    dropped = page.evaluate_handle(
        """bytes => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], "grey.png", {type: "image/png"}));
            return carried;
        }""",
        list(content.getvalue()),
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
    expect(page.get_by_label("Swap bright and dark")).to_be_visible()
    assert np.array(_sent(page)["image"]).tolist() == np.full((4, 4, 1), 200).tolist()


def test_a_file_that_is_no_image_is_refused_in_one_sentence(visit: Opened, images: Server) -> None:
    page = visit(images).page
    for kind in ("text/plain", "image/png"):
        upload = {"name": "notes.png", "mimeType": kind, "buffer": b"no pixels"}
        page.locator("input[type=file]").set_input_files(upload)  # type: ignore[arg-type]
        expect(page.get_by_role("alert").filter(has_text="notes.png")).to_have_text(
            "“notes.png” is no PNG or JPEG that can be read."
        )
    assert "dark 96.1 %" in _answer(page)


def test_a_version_that_cannot_be_loaded_and_a_server_that_ends_are_named(browser: Browser, tmp_path: Path) -> None:
    _export_rides(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    with served(tmp_path) as server:
        page = visit_of(browser, f"{server.url}/").page
        expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
        # Set for the version that comes: the endpoint follows the newest, and this one is broken.
        broken = tmp_path / "serving" / WORKLOAD / "102"
        broken.mkdir()
        (broken / "saved_model.pb").write_bytes(b"nothing")
        expect(page.get_by_role("table")).to_contain_text("does not answer")
        expect(page.get_by_role("table")).to_contain_text("no SavedModel that can be loaded")
        assert server.stop() == 0
        expect(page.get_by_role("heading", level=1)).to_have_text("No answer")
        expect(page.locator("#why")).to_have_text("The endpoint does not answer.")
        page.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_of_the_api_lists_the_paths_and_loads_nothing_from_elsewhere(
    browser: Browser, rides: Server, width: int
) -> None:
    visited = visit_of(browser, f"{rides.url}/docs", width)
    page = visited.page
    expect(page.get_by_role("heading", name="POST /v1/models/{model}:predict")).to_be_visible()
    page.get_by_text("An instance: 3 features").first.click()
    expect(page.get_by_role("row", name="hour integer required")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate(STICKING_OUT) == []
    assert all(url.startswith((f"{rides.url}/", "data:")) for url in visited.requests)
    assert visited.complaints == []
    page.close()
