"""A browser, and pages in it."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield browser
        browser.close()


@pytest.fixture
def open_file(browser):
    """Open a file in a tab and collect what the browser complains of and asks the network for."""
    tab = browser.new_page(viewport={"width": 1200, "height": 900})
    troubles = []
    tab.on("console", lambda message: message.type in ("error", "warning") and troubles.append(message.text))
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
    tab.on("request", lambda request: request.url.startswith("http") and troubles.append(f"network: {request.url}"))

    def open_(path: Path, fragment: str = ""):
        tab.goto(path.as_uri() + fragment, wait_until="load")
        return tab, troubles

    yield open_
    tab.close()


@pytest.fixture
def open_page(book, open_file):
    """Open a page of the site likewise."""

    def open_(page: str):
        tab, troubles = open_file(book.site / "html" / f"{page}.html")
        tab.wait_for_timeout(500)  # MathJax and the theme work on after the page has loaded
        return tab, troubles

    return open_
