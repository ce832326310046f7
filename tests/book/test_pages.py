"""The built site in a real browser, opened as a plain folder without a network."""

import io
import json
import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import jupytext
import numpy as np
import pytest
import yaml
from PIL import Image
from visits import PHONE, visit, watched

from bookmaking.execution import chapters
from bookmaking.presets import ROOT


def pages() -> list[str]:
    """Every page of the table of contents, without suffix, and one of the pages of modules."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    chapters = [page["file"] for part in toc["parts"] for page in part["chapters"]]
    return [toc["root"], *chapters, "book/package/astroclip_book/evaluate"]


@pytest.fixture(scope="session")
def visits(book, browser):
    """Each page seen once."""
    tab, troubles = watched(browser)
    files = {page: book.site / "html" / f"{page}.html" for page in [*pages(), "search"]}
    seen = {page: visit(tab, troubles, file) for page, file in files.items()}
    tab.close()
    return seen


@pytest.mark.parametrize("page", pages())
def test_page_is_whole_and_can_be_read_by_everyone(visits, page):
    seen = visits[page]
    assert seen.troubles == [] and seen.facts["formulas"] == 0
    assert "mock survey" in seen.facts["banner"].lower()
    assert seen.facts["language"] == "en" and seen.facts["title"]
    assert seen.barriers == {"light": [], "dark": []}
    headings = seen.facts["headings"]
    assert headings.count(1) == 1 and headings[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(headings)), headings
    lacking = {name: found for name, found in seen.facts.items() if name.startswith("without_") and found}
    assert lacking == {}
    assert seen.phone_width <= PHONE and seen.paper == {"bars": [], "cut": []}


def test_no_link_is_dead(visits, book):
    html, texts = book.site / "html", {}
    for file in [html / "genindex.html", *(html / "book" / "package").rglob("*.html")]:  # long and alike: seen as text
        texts[file] = file.read_text()
    anchors = {file: set(re.findall(r'id="([^"]+)"', text)) for file, text in texts.items()}
    links = {
        file: {(file.as_uri(), link) for link in re.findall(r'<a [^>]*href="([^"]+)"', text)}
        for file, text in texts.items()
    }
    for page, seen in visits.items():
        file = html / f"{page}.html"
        anchors[file], links[file] = set(seen.facts["ids"]), {(file.as_uri(), link) for link in seen.facts["links"]}
    dead = []
    for link in {urljoin(base, link) for found in links.values() for base, link in found}:
        address, anchor = urldefrag(link)
        target = Path(unquote(urlparse(address).path))
        known = not anchor or anchor.startswith("galaxy=") or unquote(anchor) in anchors.get(target, ())
        if link.startswith("file:") and not (target.is_file() and known):
            dead.append(link)
    assert sum(map(len, links.values())) > 10 * len(links) and len(texts) > 10
    assert dead == []


def test_index_leads_to_the_first_page(open_file, book):
    open_file(book.site / "html" / "index.html").wait_for_url(f"**/{pages()[0]}.html")


def test_search_in_a_plain_folder_finds_chapters_first_with_excerpts(open_file, book):
    tab = open_file(book.site / "html" / "search.html", "?q=photometric+redshift")
    tab.locator("#search-results li .context").first.wait_for()
    found = tab.locator("#search-results li a").evaluate_all("all => all.map(one => one.href)")
    assert any("06_redshift_and_mass" in link for link in found[:3])
    assert not any("book/package/" in link for link in found[:3])
    assert "redshift" in tab.locator("#search-results li .context").first.inner_text().lower()


def test_a_tap_enlarges_a_figure_and_the_next_one_closes_it(open_file, book):
    tab = open_file(book.site / "html" / "notebooks" / "06_redshift_and_mass.html")
    tab.set_viewport_size({"width": 390, "height": 800})
    small = tab.locator("article a.picture").first
    before = small.bounding_box()["width"]
    small.click()
    large = tab.locator("dialog a.picture")
    assert large.bounding_box()["width"] > 2 * before
    large.click()
    large.wait_for(state="hidden")
    assert tab.url.endswith("06_redshift_and_mass.html")


def test_dark_pages_turn_figures_around_and_not_galaxies(open_file, book):
    tab = open_file(book.site / "html" / "notebooks" / "01_mock_survey.html")
    tab.emulate_media(color_scheme="dark")
    picture = tab.locator("article a.picture:has([style*=polygon])").first
    picture.scroll_into_view_if_needed()
    picture.locator("img").evaluate("one => one.decode()")
    dark = np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("L"), float)
    tab.emulate_media(color_scheme="light")
    light = np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("L"), float)
    changed = np.abs(dark - light) > 3
    assert 0.02 < changed.mean() < 0.98
    assert np.percentile(dark[changed & (light > 250)], 99) < 80  # paper, but for edges of the galaxies' frames
    assert light[~changed].mean() < 128  # sky


def test_the_keyboard_sees_where_it_is(open_file, book):
    tab = open_file(book.site / "html" / f"{pages()[2]}.html")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.hash") == "#main-content"
    unseen = """() => {
      const one = document.activeElement, {outlineStyle, outlineWidth, boxShadow} = getComputedStyle(one);
      return (outlineStyle === "none" || outlineWidth === "0px") && boxShadow === "none" ? one.outerHTML.slice(0, 200) : "";
    }"""
    lost = []
    for _ in range(40):
        lost.append(tab.evaluate(unseen))
        tab.keyboard.press("Tab")
    assert list(filter(None, lost)) == []


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_downloaded_notebook_is_the_chapter_and_names_no_file_of_this_machine(book, chapter):
    text = (book.site / "html" / "_sources" / chapter.relative_to(ROOT).with_suffix(".ipynb")).read_text()
    assert not any(place in text for place in (str(book.run), str(ROOT), "site-packages", "ipykernel_"))
    code = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    ours = [cell.source for cell in jupytext.read(chapter).cells if cell.cell_type == "code"]
    ours = [one.replace('preset = "laptop"', 'preset = "smoke"') for one in ours]
    assert ["".join(cell["source"]) for cell in code] == ours
    assert "parameters" in code[0]["metadata"]["tags"]
