"""The built site in a real browser, opened as a plain folder without a network."""

import pytest
import yaml

from astroclip_book.presets import ROOT


def pages() -> list[str]:
    """Every page of the table of contents, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"]] + [page["file"] for chapter in chapters for page in [chapter, *chapter.get("sections", [])]]


@pytest.mark.parametrize("page", pages())
def test_page_opens_offline_without_errors(open_page, page):
    tab, troubles = open_page(page)
    assert troubles == []
    assert tab.locator("article h1").count() == 1
    assert "mock survey" in tab.locator(".bd-header-announcement").inner_text().lower()
    assert tab.locator("mjx-merror").count() == 0
    assert tab.evaluate("[...document.images].filter(i => !i.naturalWidth || !i.alt.trim()).map(i => i.src)") == []


@pytest.mark.parametrize("page", pages())
def test_page_fits_a_phone(open_page, page):
    tab, _ = open_page(page)
    tab.set_viewport_size({"width": 390, "height": 844})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_index_leads_to_the_first_page(open_page):
    tab, troubles = open_page("index")
    tab.wait_for_url(f"**/{pages()[0]}.html")
    assert troubles == []


@pytest.mark.parametrize("page", pages())
def test_page_names_no_file_of_this_machine(book, page):
    html = (book.site / "html" / f"{page}.html").read_text()
    assert str(book.run) not in html and "Traceback" not in html
