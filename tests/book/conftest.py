"""A browser, and pages in it."""

import shutil
from pathlib import Path

import pytest
from visits import watched


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
    """Open a file in a tab of its own, which must neither complain nor ask for the network."""
    tab, troubles = watched(browser)

    def open_(path: Path, fragment: str = ""):
        tab.goto(path.as_uri() + fragment, wait_until="load")
        return tab

    yield open_
    tab.close()
    assert troubles == []
