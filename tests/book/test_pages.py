"""The built site in a real browser, opened as a plain folder without a network."""

import json
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import jupytext
import pytest
import yaml
from visits import PHONE, visit, watched

from bookmaking.execution import chapters
from bookmaking.presets import ROOT


def pages() -> list[str]:
    """Every page of the table of contents, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"]] + [page["file"] for chapter in chapters for page in [chapter, *chapter.get("sections", [])]]


@pytest.fixture(scope="session")
def visits(book, browser):
    """Each page seen once."""
    tab, troubles = watched(browser)
    files = {page: book.site / "html" / f"{page}.html" for page in [*pages(), "search", "genindex"]}
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
    html = book.site / "html"
    anchors = {html / f"{page}.html": set(seen.facts["ids"]) for page, seen in visits.items()}
    dead = []
    for page, seen in visits.items():
        for link in {link for link in seen.facts["links"] if link.startswith("file:")}:
            address, anchor = urldefrag(link)
            target = Path(unquote(urlparse(address).path))
            known = not anchor or anchor.startswith("galaxy=") or unquote(anchor) in anchors.get(target, ())
            if not (target.is_file() and known):
                dead.append(f"{page}: {link}")
    assert sum(len(seen.facts["links"]) for seen in visits.values()) > 10 * len(visits)
    assert dead == []


def test_index_leads_to_the_first_page(open_file, book):
    open_file(book.site / "html" / "index.html").wait_for_url(f"**/{pages()[0]}.html")


def test_search_finds_in_a_plain_folder(open_file, book):
    tab = open_file(book.site / "html" / "search.html", "?q=photometric+redshift")
    tab.locator("#search-results li a").first.wait_for()
    found = tab.locator("#search-results li a").evaluate_all("all => all.map(one => one.href)")
    assert any("06_redshift_and_mass" in link for link in found)


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
