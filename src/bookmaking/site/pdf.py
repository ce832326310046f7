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
from bookmaking.site.build import build_site, printed_book, run_jupyter_book, stage_site
from bookmaking.site.sphinx_pages import PDF
from bookmaking.store.run import Run

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FOOTER = '<p style="width: 100%; text-align: center; font-size: 8px">{} · <span class="pageNumber"></span></p>'
MARGIN = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")
SCALE = 0.8
WIDTH = 822  # pixels of a page between its margins at this scale: for this width the explorer draws its map
READY = "() => !document.querySelector('.math') || window.MathJax?.startup?.promise?.then(() => true)"
TIDY = Path(__file__).with_name("tidy.js")  # mends what goes wrong where pages become one
TWICE = re.compile(rb"/Title \((.+)\1\)")  # what Chromium writes into the outline for a heading that begins a page


def print_book(run: Run, output: Path, root: Path = ROOT) -> Path:
    """Print the book of a run, unless its PDF is up to date, and let the site offer it; BookError without Chromium."""
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
        tab.evaluate(TIDY.read_text(encoding="utf-8"))
        footer = FOOTER.format(html.escape(tab.locator(".bd-header-announcement").text_content().strip()))
        return tab.pdf(format="A4", scale=SCALE, margin=MARGIN, print_background=True, outline=True, tagged=True,
                       display_header_footer=True, header_template="<p></p>", footer_template=footer)  # fmt: skip
