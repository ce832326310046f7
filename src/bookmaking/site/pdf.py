"""The book as one PDF: all pages as one, printed by Chromium."""

from __future__ import annotations

import html
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from astroclip_book.errors import BookError
from bookmaking.presets import ROOT
from bookmaking.run import Run
from bookmaking.site.build import build_site, printed_book, run_jupyter_book, stage_site
from bookmaking.site.sphinx_pages import PDF

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FOOTER = '<p style="width: 100%; text-align: center; font-size: 8px">{} · <span class="pageNumber"></span></p>'
MARGIN = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")
SCALE = 0.8
WIDTH = (
    822  # pixels of a page between its margins at this scale: the explorer draws its map for the width that it finds
)
READY = "() => !document.querySelector('.math') || window.MathJax?.startup?.promise?.then(() => true)"
# Pages that have become one: links stay within it, those to citations past the footnotes that share their ids; the list of
# chapters leads to them; parts of it and of the explorer are no chapters.
TIDY = """() => {
  for (const one of document.querySelectorAll(".citation")) one.id = `citation-${one.id}`;
  for (const link of document.querySelectorAll("a.internal[href*='.html#id']")) link.href = link.hash.replace("#", "#citation-");
  for (const link of document.querySelectorAll("a[href*='.html#']")) if (link.protocol === "file:") link.href = link.hash;
  const chapters = document.querySelectorAll(".toctree-wrapper > section");
  const title = (chapter) => chapter.querySelector("h2").firstChild.textContent;
  const places = new Map([...chapters].map((one) => [title(one), `#${one.id}`]));
  for (const link of document.querySelectorAll("#jb-print-toc a")) link.href = places.get(link.textContent.trim());
  for (const one of document.querySelectorAll(".explorer :is(h2, h3), #jb-print-toc :is(h2, p)")) one.role = "presentation";
}"""
TWICE = re.compile(rb"/Title \((.+)\1\)")  # what Chromium writes into the outline for a heading that begins a page


def print_book(run: Run, output: Path, root: Path = ROOT) -> Path:
    """Print the book of a run, unless its PDF is up to date, let the site in ``output`` offer it, and return it.

    Without Chromium, and for the reasons of `build_site`, that is a BookError.
    """
    stage = stage_site(run, output / "source", root)
    target = printed_book(stage, output)
    if not target.is_file():
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            raise BookError(f"The PDF is printed by Chromium: install one of {', '.join(BROWSERS)}.")
        run_jupyter_book(stage, "singlehtml")
        for old in output.glob("*.pdf"):
            old.unlink()
        folder = stage / "_build" / "singlehtml"
        first = folder / f"{yaml.safe_load((stage / '_toc.yml').read_text(encoding='utf-8'))['root']}.html"
        page = folder / "whole.html"  # addresses in it are seen from here, but for the explorer's
        text = first.read_text(encoding="utf-8").replace('src="../_static/', 'src="_static/')
        page.write_text(text, encoding="utf-8")
        with ThreadPoolExecutor(1) as alone:  # playwright works in no thread that already runs an event loop
            printed = alone.submit(_print, browser, page).result()
        # As many bytes as before: the file says where each of its parts begins.
        target.write_bytes(TWICE.sub(lambda found: b"/Title (%s)" % found[1] + b" " * len(found[1]), printed))
    return build_site(run, output, root).parent / "_static" / PDF


def _print(browser: str, page: Path) -> bytes:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=browser) as chromium:
        tab = chromium.new_page(viewport={"width": WIDTH, "height": 900})
        tab.emulate_media(media="print", color_scheme="light")
        tab.goto(page.as_uri(), wait_until="load")
        tab.wait_for_function(READY)
        tab.evaluate(TIDY)
        footer = FOOTER.format(html.escape(tab.locator(".bd-header-announcement").text_content().strip()))
        return tab.pdf(format="A4", scale=SCALE, margin=MARGIN, print_background=True, outline=True, tagged=True,
                       display_header_footer=True, header_template="<p></p>", footer_template=footer)  # fmt: skip
