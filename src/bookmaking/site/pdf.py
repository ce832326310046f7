"""The book as one PDF: all pages as one, printed by Chromium."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOOTER = '<p style="width: 100%; text-align: center; font-size: 8px">{} · <span class="pageNumber"></span></p>'
MARGIN = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")
SCALE = 0.8
WIDTH = 822  # pixels of a page between its margins at this scale: for this width the explorer draws its map
READY = "() => !document.querySelector('.math') || window.MathJax?.startup?.promise?.then(() => true)"
TIDY = Path(__file__).with_name("tidy.js")  # mends what goes wrong where pages become one
TWICE = re.compile(rb"/Title \((.+)\1\)")  # what Chromium writes into the outline for a heading that begins a page


def print_pages(browser: str, folder: Path, first: str) -> bytes:
    """The PDF of a book that Sphinx's ``singlehtml`` has rendered into a folder, as page ``first``; none if the browser fails."""
    from playwright.sync_api import Error

    page = folder / "whole.html"  # addresses in it are seen from here, but for the explorer's
    text = (folder / f"{first}.html").read_text(encoding="utf-8").replace('src="../_static/', 'src="_static/')
    page.write_text(text, encoding="utf-8")
    with ThreadPoolExecutor(1) as alone:  # playwright works in no thread that already runs an event loop
        try:
            printed = alone.submit(_print, browser, page).result()
        except Error as error:
            print(f"{browser} did not print the book, which has no PDF now: {error}")
            return b""
    # As many bytes as before: the file says where each of its parts begins.
    return TWICE.sub(lambda found: b"/Title (%s)" % found[1] + b" " * len(found[1]), printed)


def _print(browser: str, page: Path) -> bytes:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=browser) as chromium:
        tab = chromium.new_page(viewport={"width": WIDTH, "height": 900})
        tab.set_default_timeout(300_000)  # a busy machine
        tab.emulate_media(media="print", color_scheme="light")
        tab.goto(page.as_uri(), wait_until="load")
        tab.wait_for_function(READY)
        tab.evaluate(TIDY.read_text(encoding="utf-8"))
        footer = FOOTER.format(html.escape(tab.locator(".bd-header-announcement").text_content().strip()))
        return tab.pdf(format="A4", scale=SCALE, margin=MARGIN, print_background=True, outline=True, tagged=True,
                       display_header_footer=True, header_template="<p></p>", footer_template=footer)  # fmt: skip
