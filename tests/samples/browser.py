"""Debian's chromium, headless and quiet, and what a page must hold whatever it shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

Scheme = Literal["light", "dark"]
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# What sticks out of the window and is not inside a box that scrolls by itself.
STICKING_OUT = """() => [...document.querySelectorAll('main *, footer *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1
                 && !e.closest('.scroll, pre, .vh, svg') && e.checkVisibility())
    .map(e => e.tagName + '.' + e.className)"""
CLIPPED = """() => [...document.querySelectorAll('main p, main td, main th, main summary, main dd, main h3')]
    .filter(e => !e.matches('.valuename') && e.checkVisibility() && e.scrollWidth > e.clientWidth + 2
                 && getComputedStyle(e).display !== 'inline' && !e.closest('.scroll, .axis, .vh'))
    .map(e => e.className + ': ' + e.innerText.slice(0, 60))"""


@dataclass
class Visit:
    """An open page, with the browser's messages and requests."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """The browser, until the block ends; a test without one is skipped."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no chromium on this machine: apt-get install -y chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield running
        running.close()


def visit_of(browser: Browser, url: str, width: int = 1280, scheme: str = "light") -> Visit:
    """Opens a page in a window of its own."""
    page = browser.new_page(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    visited = Visit(page)
    page.on("console", lambda message: visited.complaints.append(message.text))
    page.on("pageerror", lambda error: visited.complaints.append(str(error)))
    page.on("request", lambda request: visited.requests.append(request.url))
    page.goto(url)
    return visited
