"""The book as one PDF: all pages as one, printed by Chromium."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path

import yaml

FOOTER = '<p style="width: 100%; text-align: center; font-size: 8px">{} · <span class="pageNumber"></span></p>'
MARGIN = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")
SCALE = 0.8
WIDTH = 822  # pixels of a page between its margins at this scale: for this width the explorer draws its map
READY = "() => !document.querySelector('.math') || window.MathJax?.startup?.promise?.then(() => true)"
TIDY = Path(__file__).with_name("tidy.js")  # mends what goes wrong where pages become one
TWICE = re.compile(rb"/Title \((.+)\1\)")  # what Chromium writes into the outline for a heading that begins a page


def print_pages(browser: str, stage: Path) -> bytes:
    """The PDF of a book that Jupyter Book has rendered as one page, ``singlehtml``; nothing, and a word on it, if the browser fails."""
    import pikepdf
    from playwright.sync_api import Error, sync_playwright

    folder = stage / "_build" / "singlehtml"
    first = yaml.safe_load((stage / "_toc.yml").read_text(encoding="utf-8"))["root"]
    page = folder / "whole.html"  # addresses in it are seen from here, but for the explorer's
    text = (folder / f"{first}.html").read_text(encoding="utf-8").replace('src="../_static/', 'src="_static/')
    page.write_text(text, encoding="utf-8")
    try:
        with sync_playwright() as playwright, playwright.chromium.launch(executable_path=browser) as chromium:
            printed = _print(chromium.new_page(viewport={"width": WIDTH, "height": 900}), page)
    except Error as error:
        print(f"{browser} did not print the book, which has no PDF now: {error}")
        return b""
    # As many bytes as before: the file says where each of its parts begins.
    printed = TWICE.sub(lambda found: b"/Title (%s)" % found[1] + b" " * len(found[1]), printed)
    packed = io.BytesIO()
    with pikepdf.open(
        io.BytesIO(printed)
    ) as pdf:  # what screen readers need of its structure is as long as all pictures
        pdf.save(packed, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return packed.getvalue()


def _print(tab, page: Path) -> bytes:
    tab.set_default_timeout(600_000)  # a busy machine
    tab.emulate_media(media="print", color_scheme="light")
    tab.goto(page.as_uri(), wait_until="load")
    tab.wait_for_function(READY)
    tab.evaluate(TIDY.read_text(encoding="utf-8"))
    footer = FOOTER.format(html.escape(tab.locator(".bd-header-announcement").text_content().strip()))
    return tab.pdf(format="A4", scale=SCALE, margin=MARGIN, print_background=True, outline=True, tagged=True,
                   display_header_footer=True, header_template="<p></p>", footer_template=footer)  # fmt: skip
